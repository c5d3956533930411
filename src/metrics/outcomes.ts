import { type Counters, total } from './counters.ts';

/** How the requests of one operation ended. */
export interface Outcomes {
  readonly hit: number;
  readonly miss: number;
  readonly error: number;
}

/**
 * All requests by operation and outcome. A get hits where any tier answers, stale answers included; a set
 * hits where it replaced a value, and misses where it created one; a delete hits where the key was there.
 */
export function outcomes(counters: Counters): Readonly<Record<'get' | 'set' | 'delete', Outcomes>> {
  return {
    get: {
      hit: total(counters.l1Hits) + total(counters.l2Hits) + total(counters.staleHits),
      miss: total(counters.misses),
      error: counters.getErrors,
    },
    set: { hit: counters.setHits, miss: counters.setMisses, error: counters.setErrors },
    delete: { hit: counters.deleteHits, miss: counters.deleteMisses, error: counters.deleteErrors },
  };
}
