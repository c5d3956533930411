import type { Loaded } from '../cache/two-level.ts';

/**
 * `Cache-Status` (RFC 9211): which tiers were asked and what each had, the tier farthest from the client
 * first. `ttl` is how many seconds the answer is still fresh, and negative where it is served past that.
 */
export function hitStatus(ttl: number): string {
  return `ratecache-l1; hit; ttl=${ttl}`;
}

/** The status of what `load` gave; `now` in milliseconds. */
export function loadedStatus(loaded: Loaded, standalone: boolean, now: number): string {
  switch (loaded.source) {
    case 'l1':
      return hitStatus(secondsUntil(loaded.entry!.freshUntil, now));
    case 'l2':
      return `ratecache-l2; hit; ttl=${secondsUntil(loaded.entry!.expiresAt, now)}, ratecache-l1; fwd=miss; stored`;
    case 'l1-stale':
      return `${hitStatus(secondsUntil(loaded.entry!.freshUntil, now))}; detail=${faultDetail(loaded)}`;
    case 'none':
      return standalone
        ? 'ratecache-l1; fwd=uri-miss'
        : 'ratecache-l2; fwd=uri-miss, ratecache-l1; fwd=uri-miss';
    case 'unknown':
      return `ratecache-l1; fwd=uri-miss; detail=${faultDetail(loaded)}`;
  }
}

/** Why L2 gave no answer, as a token: `l2-unavailable` (not asked), `l2-timeout`, `l2-rejected`. */
function faultDetail(loaded: Loaded): string {
  return `l2-${loaded.fault?.reason ?? 'unavailable'}`;
}

function secondsUntil(deadline: number, now: number): number {
  return Math.floor((deadline - now) / 1000);
}
