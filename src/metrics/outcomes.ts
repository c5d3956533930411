import { type Counters, total } from './counters.ts';

/** The number of requests of one operation, by outcome. */
export interface Outcomes {
  readonly hit: number;
  readonly miss: number;
  readonly error: number;
}

/**
 * All requests by operation and outcome. A get is a hit if a tier answers, also with a stale value. A set is a hit if
 * it replaced a value, and a miss if it created one. A delete is a hit if the key existed.
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
