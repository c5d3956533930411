/** The reference: the same answer byte for byte from bare uWebSockets.js, without any work. */
import { CALLGRIND, callgrind } from '../callgrind.ts';
import { heapOfNext } from '../heap.ts';
import { forkServer } from '../launch.ts';
import { cachePath, type Peer } from '../peer.ts';
import type { Imitated } from './server.ts';

const SERVER = new URL('server.ts', import.meta.url);
/** Lines that uWebSockets.js writes by itself. */
const ITS_OWN = ['date', 'uwebsockets', 'content-length', 'connection'];

export const bareUws = instance('bare-uws', 'bare uWS', {});
/** Those that tell what they allocate; one asks uWS for all that a cache must know of a GET. */
export const bareUwsTelling = instance('bare-uws', 'bare uWS', { tells: true });
export const readingUws = instance('reading-uws', 'bare uWS, reading requests', { tells: true, reads: true });

/** That whose instructions are counted. */
export const countingUws = instance('bare-uws', 'bare uWS', { counts: true });

interface Options {
  /** What it allocates. */
  readonly tells?: boolean;
  /** Its instructions. */
  readonly counts?: boolean;
  /** The requests, and lets their contents be. */
  readonly reads?: boolean;
}

function instance(name: string, title: string, { tells, counts, reads }: Options): Peer {
  return {
    name,
    title,
    needs: counts ? CALLGRIND : [],
    start: async () => {
      const counter = counts ? await callgrind() : undefined;
      const heap = tells ? await heapOfNext() : undefined;
      const env = { ...process.env, ...heap?.env };
      const args = reads ? ['reads'] : [];
      const server = await forkServer<{ port: number }>(SERVER, args, env, counter?.under);
      return {
        port: server.told.port,
        pids: [server.pid],
        pathOf: cachePath,
        imitate: async (answer) => void (await server.ask(imitationOf(answer))),
        ...(heap && { allocated: heap.allocated }),
        ...(counter && { instructionsOf: (act) => counter.during(server.pid, act) }),
        stop: async () => {
          await server.stop();
          await counter?.remove();
        },
      };
    },
  };
}

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
