/** How long a change takes to reach all of many subscribers, next to as many calls of `ws.send` and nothing else. */
import { GENERATOR_CORE } from '../../../loadtest/support/pin.ts';
import { startService } from '../../../loadtest/target/service.ts';
import { startChild } from '../../support/child.ts';
import type { Contender, Running, Worked } from '../contender.ts';
import { working } from '../loads/working.ts';
import { by, type Row } from '../row.ts';

const WORKER = new URL('../library/fan-out-worker.ts', import.meta.url);
const BARE = new URL('../../peers/bare-fan-out-server.ts', import.meta.url);
const SUBSCRIBERS = 1000;

type Server = Pick<Running, 'port' | 'pids' | 'stop'>;

export const fanOut: Row = {
  name: 'fan-out',
  title: `Push to ${SUBSCRIBERS.toLocaleString('en-US')} subscribers of a key`,
  about:
    'One change at a time, over WebSocket, until the last subscriber has it. ratecache standalone. Bare uWS sends what it ' +
    'receives to each socket. The clients are one process.',
  contestants: [contender('ratecache', 'ratecache', ratecache), contender('bare-uws', 'bare uWS', bare)].map(
    (each) => by(each, working(1)),
  ),
  reference: 'bare-uws',
  figures: ['p50Us', 'p99Us', 'cpuUs'],
  targets: [{ figure: 'p50Us', against: 'bare-uws', atMost: 2 }],
};

function contender(name: string, title: string, start: () => Promise<Server>): Contender {
  return {
    name,
    title,
    needs: [],
    start: async () => {
      const server = await start();
      const args = [String(server.port), String(SUBSCRIBERS)];
      const clients = await startChild(WORKER, { args, core: GENERATOR_CORE });
      return {
        ...server,
        pathOf: (key) => key,
        work: (job) => clients.ask<Worked>(job),
        stop: async () => {
          await clients.stop();
          await server.stop();
        },
      };
    },
  };
}

async function ratecache(): Promise<Server> {
  const service = await startService({ standalone: true });
  return { port: service.port, pids: [service.pid], stop: async () => void (await service.stop()) };
}

async function bare(): Promise<Server> {
  const server = await startChild<{ port: number }>(BARE);
  return { port: server.ready.port, pids: [server.pid], stop: () => server.stop() };
}
