/** ratecache and ioredis as libraries, in one process over one Redis. */
import { startRedis } from '../../../loadtest/target/redis-server.ts';
import { forkServer } from '../../peers/launch.ts';
import type { Peer, Worked } from '../../peers/peer.ts';
import type { Load } from '../row.ts';

const WORKER = new URL('worker.ts', import.meta.url);

export const library: Peer = {
  name: 'library',
  title: 'in process',
  needs: ['redis-server', 'redis-cli'],
  start: async () => {
    const redis = await startRedis();
    const worker = await forkServer(WORKER, [String(redis.port)]).catch(async (error: unknown) => {
      await redis.stop();
      throw error;
    });
    return {
      port: 0,
      pids: [worker.pid, redis.pid],
      pathOf: (key) => key,
      work: async (work) => (await worker.ask(work)) as Worked,
      stop: async () => {
        await worker.stop();
        await redis.stop();
      },
    };
  },
};

/** So many of an operation of `worker.ts` at once. */
export function working(op: string, concurrency: number): Load {
  return {
    run: async (server, seconds) => {
      const {
        operations,
        seconds: took,
        p50Us,
      } = await server.work!({ op, concurrency, ms: seconds * 1000 });
      return { requests: operations, seconds: took, faults: [], latency: { p50Us } };
    },
  };
}
