/** ratecache and ioredis as libraries, in one process over one Redis. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startRedis } from '../../../test/support/redis-server.ts';
import { tether } from '../../../test/support/tether.ts';
import type { Peer, Worked } from '../../peers/peer.ts';
import type { Load } from '../row.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
const TIMEOUT_MS = 30_000;

export const library: Peer = {
  name: 'library',
  title: 'in process',
  needs: ['redis-server', 'redis-cli'],
  start: async () => {
    const redis = await startRedis();
    const child = fork(WORKER, [String(redis.port)], {
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    tether(child);
    const told = async () => (await once(child, 'message', { signal: AbortSignal.timeout(TIMEOUT_MS) }))[0];
    await told();
    return {
      port: 0,
      pids: [child.pid!, redis.pid],
      pathOf: (key) => key,
      work: async (work) => {
        const answer = told();
        child.send(work);
        return (await answer) as Worked;
      },
      stop: async () => {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
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
