import type { Loaded } from '../cache/loaded.ts';
import type { Verdict } from '../cache/quality/quality.ts';
import type { TwoLevel } from '../cache/two-level.ts';

/**
 * `Cache-Status` (RFC 9211) lists the tiers that a read used, Redis before L1. `ttl` is the number of seconds for
 * which the value stays fresh; it is negative for a stale value.
 */
export function hitStatus(ttl: number): string {
  return `ratecache-l1; hit; ttl=${ttl}`;
}

/**
 * The `Cache-Status` of a result of `load`. While L1 is not coherent, its part ends with `coherence=degraded` or
 * `coherence=blind`. A value that is not good adds `suspect` or `halted` to the last part.
 * @param now in milliseconds
 */
export function loadedStatus(
  loaded: Loaded,
  { store, memory }: TwoLevel,
  now: number,
  verdict?: Verdict,
): string {
  const { lesser } = loaded;
  const quality = verdict === undefined ? '' : `; ${verdict.quality}`;
  const mark = lesser === undefined ? quality : `; coherence=${lesser}${quality}`;
  // L1 was bypassed if it is not trusted or is disabled.
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
    case 'none': {
      const input = loaded.outdatedBy === undefined ? '' : '; detail=input';
      return `${store === undefined ? '' : 'ratecache-l2; fwd=uri-miss, '}ratecache-l1; fwd=uri-miss${input}${mark}`;
    }
    case 'unknown':
      return `ratecache-l1; fwd=uri-miss; detail=${faultDetail(loaded)}${mark}`;
  }
}

/** Why Redis did not answer, as a token: `l2-unavailable` (no command was sent), `l2-timeout`, `l2-rejected`. */
function faultDetail(loaded: Loaded): string {
  return `l2-${loaded.fault?.reason ?? 'unavailable'}`;
}

function secondsUntil(deadline: number, now: number): number {
  return Math.floor((deadline - now) / 1000);
}
