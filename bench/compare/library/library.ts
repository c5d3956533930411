/** ratecache, ioredis and other caches as libraries: each in a process of its own, over a Redis of its own. */
import { overRedis } from '../../peers/over-redis.ts';
import { startChild } from '../../support/child.ts';
import type { Worked } from '../contender.ts';
import { working } from '../loads/working.ts';
import { by, type Contestant } from '../row.ts';

const WORKER = new URL('worker.ts', import.meta.url);

/** @param operation of `worker.ts`, so many at a time */
export function library(operation: string, concurrency: number): Contestant {
  const contender = {
    name: operation,
    title: operation,
    needs: ['redis-server', 'redis-cli'],
    start: () =>
      overRedis(async (redis) => {
        const worker = await startChild(WORKER, { args: [String(redis.port), operation] });
        return {
          port: 0,
          pids: [worker.pid],
          pathOf: (key) => key,
          work: (job) => worker.ask<Worked>(job),
          stop: worker.stop,
        };
      }),
  };
  return by(contender, working(concurrency));
}
