/** The reference: the same answer byte for byte from bare uWebSockets.js, without any work. */
import { type Contender, cachePath, type Running } from '../compare/contender.ts';
import { startChild } from '../support/child.ts';
import { CALLGRIND, type Callgrind, callgrind } from './callgrind.ts';

const SERVER = new URL('bare-uws-server.ts', import.meta.url);
const named = { name: 'bare-uws', title: 'bare uWS' };

export const bareUws: Contender = { ...named, needs: [], start: () => start() };
/** Counts its instructions. */
export const bareUwsCounting: Contender = {
  ...named,
  needs: CALLGRIND,
  start: async () => start(await callgrind()),
};

async function start(counter?: Callgrind): Promise<Running> {
  const server = await startChild<{ port: number }>(SERVER, { under: counter?.under ?? [] });
  return {
    port: server.ready.port,
    pids: [server.pid],
    pathOf: cachePath,
    imitate: (answer) => server.ask(answer),
    ...(counter && { instructionsOf: (act) => counter.causedBy(server.pid, act) }),
    stop: async () => {
      await server.stop();
      await counter?.remove();
    },
  };
}
