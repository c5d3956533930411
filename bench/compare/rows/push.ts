/** How long a change takes to reach a subscribed client, next to bare ioredis. */
import { GENERATOR_CORE } from '../../../loadtest/support/pin.ts';
import { startReplica } from '../../../loadtest/target/replicas.ts';
import { overRedis } from '../../peers/over-redis.ts';
import { startChild } from '../../support/child.ts';
import type { Contender, Worked } from '../contender.ts';
import { working } from '../loads/working.ts';
import { by, type Row } from '../row.ts';

const WORKER = new URL('../library/push-worker.ts', import.meta.url);

export const push: Row = {
  name: 'push',
  title: 'Push of a change to a client',
  about:
    'One change at a time, from the write until the client has it. Two replicas and Redis on one core, clients on the ' +
    'other. *Tracking and GET*: a bare client that Redis notifies of the change, and that then reads the value.',
  contestants: [
    contender('update', 'SET in Redis to update over WebSocket'),
    contender('put', 'PUT at another replica to update over WebSocket'),
    contender('tracking', 'SET in Redis to ioredis, tracking and GET'),
  ].map((each) => by(each, working(1))),
  reference: 'tracking',
  figures: ['p50Us', 'p99Us'],
  targets: [{ figure: 'p50Us', against: 'tracking', atMost: 2 }],
};

/** @param name a way of `push-worker.ts` */
function contender(name: string, title: string): Contender {
  return {
    name,
    title,
    needs: ['redis-server', 'redis-cli'],
    start: () =>
      overRedis(async (redis) => {
        const replicas = [await startReplica(redis), await startReplica(redis)];
        const ports = [redis.port, ...replicas.map(({ port }) => port)];
        const client = await startChild(WORKER, { args: [name, ...ports.map(String)], core: GENERATOR_CORE });
        return {
          port: 0,
          pids: replicas.map(({ pid }) => pid),
          pathOf: (key) => key,
          work: (job) => client.ask<Worked>(job),
          stop: async () => {
            await client.stop();
            await Promise.all(replicas.map((replica) => replica.stop()));
          },
        };
      }),
  };
}
