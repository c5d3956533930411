import type { Running } from '../../peers/peer.ts';
import type { RatecacheRunning } from '../../peers/ratecache/peer.ts';
import type { Load } from '../row.ts';

/** Of the requests, how many of the other level may be among them: those that were on their way when counting began. */
const STRAYS = 0.01;

/** The same load, whose runs count only where ratecache answers from this level: Redis tells what it was asked for. */
export function answeredFrom(level: 'l1' | 'l2', load: Load): Load {
  return {
    ...load,
    run: async (server, seconds) => {
      if (!isRatecache(server)) return load.run(server, seconds);
      const before = await server.redisReads();
      const outcome = await load.run(server, seconds);
      const share = ((await server.redisReads()) - before) / outcome.requests;
      const right = level === 'l1' ? share < STRAYS : share > 1 - STRAYS;
      if (right) return outcome;
      const fault = `${Math.round(100 * share)} % of the requests went to Redis`;
      return { ...outcome, faults: [...outcome.faults, fault] };
    },
  };
}

function isRatecache(server: Running): server is RatecacheRunning {
  return 'redisReads' in server;
}
