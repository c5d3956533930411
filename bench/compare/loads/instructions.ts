/** What a request takes in instructions, on a server that tells. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Running } from '../../peers/peer.ts';
import type { Load } from '../row.ts';
import { oneAnswer } from './one-answer.ts';
import { partsOf } from './wrk.ts';

/** Such a server answers some thousands a second. */
const REQUESTS_A_SECOND = 10_000;
/** Before those that count: V8 has compiled everything by then. */
const WARMUP_REQUESTS = 60_000;
const ANSWERED = Buffer.from('HTTP/1.1 200 OK\r\n');

/** Requests one after another on one connection, `depth` of them at once. Each run is long: it warms up first. */
export function instructions(requests: (server: Running) => readonly string[], depth: number): Load {
  return {
    warmsUp: true,
    example: (server) => oneAnswer(server.port, requests(server)[0]!),
    run: async (server, seconds) => {
      const parts = partsOf(requests(server), depth).map((part) => Buffer.from(part));
      const count = depth * Math.ceil((seconds * REQUESTS_A_SECOND) / depth);
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      try {
        await exchange(socket, parts, depth, WARMUP_REQUESTS);
        const began = performance.now();
        const counted = await server.instructionsOf!(() => exchange(socket, parts, depth, count));
        return {
          requests: count,
          seconds: (performance.now() - began) / 1000,
          instructions: counted / count,
          faults: [],
        };
      } finally {
        socket.destroy();
      }
    },
  };
}

/** @throws where the connection ends before each request was answered with 200 */
async function exchange(
  socket: Socket,
  parts: readonly Buffer[],
  depth: number,
  count: number,
): Promise<void> {
  const chunks = socket.iterator({ destroyOnReturn: false });
  for (let sent = 0; sent < count; sent += depth) {
    socket.write(parts[(sent / depth) % parts.length]!);
    let rest = Buffer.alloc(0);
    for (let answered = 0; answered < depth; ) {
      const { value, done } = await chunks.next();
      if (done) throw new Error('the server has closed the connection');
      rest = Buffer.concat([rest, value as Buffer]);
      for (let at = rest.indexOf(ANSWERED); at !== -1; at = rest.indexOf(ANSWERED)) {
        rest = rest.subarray(at + ANSWERED.length);
        answered++;
      }
    }
  }
}
