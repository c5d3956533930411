import type { Load } from '../load.ts';

/** Keys of a run that the other tier may answer: those that were on their way when counting began. */
const OTHERS = 0.01;

/**
 * The same load, whose runs count only where ratecache answers from this tier. Redis says how often it was asked.
 * @param keys of a request
 */
export function answeredFrom(tier: 'l1' | 'l2', load: Load, keys = 1): Load {
  return {
    ...load,
    run: async (server, seconds) => {
      if (server.redisReads === undefined) return load.run(server, seconds);
      const before = await server.redisReads();
      const outcome = await load.run(server, seconds);
      const share = ((await server.redisReads()) - before) / (outcome.requests * keys);
      if (tier === 'l1' ? share < OTHERS : share > 1 - OTHERS) return outcome;
      return {
        ...outcome,
        faults: [...outcome.faults, `Redis was asked for ${Math.round(100 * share)} % of the keys`],
      };
    },
  };
}
