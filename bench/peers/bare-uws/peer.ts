/** The reference: the same answer byte for byte from bare uWebSockets.js, without any work. */
import { forkServer } from '../launch.ts';
import { cachePath, type Peer } from '../peer.ts';
import type { Imitated } from './server.ts';

const SERVER = new URL('server.ts', import.meta.url);
/** Lines that uWebSockets.js writes by itself. */
const ITS_OWN = ['date', 'uwebsockets', 'content-length', 'connection'];

export const bareUws: Peer = {
  name: 'bare-uws',
  title: 'bare uWS',
  needs: [],
  start: async () => {
    const server = await forkServer<{ port: number }>(SERVER);
    return {
      port: server.told.port,
      pids: [server.pid],
      pathOf: cachePath,
      imitate: async (answer) => void (await server.ask(imitationOf(answer))),
      stop: server.stop,
    };
  },
};

/** What makes bare uWS send this: an HTTP response, or the payload of a frame. */
export function imitationOf(answer: Buffer): Imitated {
  const end = answer.indexOf('\r\n\r\n');
  if (end === -1 || answer.toString('latin1', 0, 5) !== 'HTTP/') {
    const binary = answer[0] !== '{'.charCodeAt(0);
    return { frame: { payload: answer.toString(binary ? 'base64' : 'utf8'), binary } };
  }
  const headers = answer
    .toString('latin1', 0, end)
    .split('\r\n')
    .slice(1)
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    })
    .filter(([name]) => !ITS_OWN.includes(name.toLowerCase()));
  return { headers, body: answer.toString('latin1', end + 4) };
}
