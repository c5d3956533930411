import { lesserState } from '../cache/bus.ts';
import type { Loaded } from '../cache/loaded.ts';
import type { TwoLevel } from '../cache/two-level.ts';

/**
 * `Cache-Status` (RFC 9211): which tiers were asked and what each had, the tier farthest from the client
 * first. `ttl` is how many seconds the answer is still fresh, and negative where it is served past that.
 */
export function hitStatus(ttl: number): string {
  return `ratecache-l1; hit; ttl=${ttl}`;
}

/**
 * The status of what `load` gave; `now` in milliseconds. In a lesser state than coherent L1's part says so, as
 * `coherence=degraded` or `coherence=blind`.
 */
export function loadedStatus(loaded: Loaded, { store, memory, coherence }: TwoLevel, now: number): string {
  const lesser = lesserState(coherence);
  const mark = lesser === undefined ? '' : `; coherence=${lesser}`;
  // Not used where it is not trusted, or off.
  const passed = lesser !== undefined || memory === undefined ? 'bypass' : 'miss';
  switch (loaded.source) {
    case 'l1':
      return hitStatus(secondsUntil(loaded.entry!.freshUntil, now)) + mark;
    case 'l2': {
      const ttl = secondsUntil(loaded.entry!.expiresAt, now);
      return `ratecache-l2; hit; ttl=${ttl}, ratecache-l1; fwd=${passed}${loaded.kept ? '; stored' : ''}${mark}`;
    }
    case 'l1-stale':
      return `${hitStatus(secondsUntil(loaded.entry!.freshUntil, now))}; detail=${faultDetail(loaded)}${mark}`;
    case 'pending': {
      const { entry } = loaded;
      const found =
        entry === undefined ? 'ratecache-l1; fwd=uri-miss' : hitStatus(secondsUntil(entry.expiresAt, now));
      return `${found}; detail=pending${mark}`;
    }
    case 'none':
      return `${store === undefined ? '' : 'ratecache-l2; fwd=uri-miss, '}ratecache-l1; fwd=uri-miss${mark}`;
    case 'unknown':
      return `ratecache-l1; fwd=uri-miss; detail=${faultDetail(loaded)}${mark}`;
  }
}

/** Why L2 gave no answer, as a token: `l2-unavailable` (not asked), `l2-timeout`, `l2-rejected`. */
function faultDetail(loaded: Loaded): string {
  return `l2-${loaded.fault?.reason ?? 'unavailable'}`;
}

function secondsUntil(deadline: number, now: number): number {
  return Math.floor((deadline - now) / 1000);
}
