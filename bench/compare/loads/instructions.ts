import { connect } from '../../../loadtest/support/raw-http.ts';
import type { Load } from '../load.ts';
import type { Requests } from '../requests.ts';
import { oneAnswer, partsOf } from './wrk.ts';

/** Under callgrind a server answers some thousands a second. */
const REQUESTS_A_SECOND = 10_000;
/** After so many V8 has compiled everything. */
const WARMUP_REQUESTS = 60_000;
const RARE_REQUESTS = 20_000;

/**
 * The instructions of a request on a server that counts them: one connection sends `depth` requests at once.
 * @param rare requests for what few of `requests` do; V8 must have compiled that too
 */
export function instructions(requests: Requests, depth: number, rare?: Requests): Load {
  return {
    warmsUp: true,
    example: (server) => oneAnswer(server.port, requests(server)[0]!),
    run: async (server, seconds) => {
      const parts = partsOf(requests(server), depth);
      const count = depth * Math.ceil((seconds * REQUESTS_A_SECOND) / depth);
      const connection = await connect(server.port);
      const exchange = async (requests: number, of = parts) => {
        for (let sent = 0; sent < requests; sent += depth) {
          await connection.send(of[(sent / depth) % of.length]!);
          const answers = await connection.readResponses(depth);
          if (answers.some(({ status }) => status !== 200)) throw new Error('an answer is not 200');
        }
      };
      try {
        if (rare !== undefined) await exchange(RARE_REQUESTS, partsOf(rare(server), depth));
        await exchange(WARMUP_REQUESTS);
        const counted = await server.instructionsOf!(() => exchange(count));
        return { requests: count, seconds, figures: { instructions: counted / count }, faults: [] };
      } finally {
        connection.destroy();
      }
    },
  };
}
