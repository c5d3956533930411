import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can replace replies by garbage and delay bytes beyond the end of their connection. */
export interface Garbler {
  readonly port: number;
  /** Replaces every reply of the server by garbage. */
  garble(yes: boolean): void;
  /** Holds bytes that clients send on the current connections, even after these connections close. */
  strand(): void;
  /** The number of held chunks. */
  readonly stranded: number;
  /** Sends the held chunks to the server. */
  release(): void;
  close(): Promise<void>;
}

// No RESP type begins with any of these bytes.
const GARBAGE = Buffer.from('\u0000%&!!garbage\r\nHTTP/1.1 400 Bad Request\r\n\r\n');

/** @param target its port is read for each connection, because a restarted server may use another port */
export async function startGarbler(target: { readonly port: number }): Promise<Garbler> {
  let garbling = false;
  const sockets = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let stranded = new Map<Socket, Buffer[]>();
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: target.port, host: '127.0.0.1', noDelay: true });
    upstreams.add(upstream);
    upstream.on('close', () => upstreams.delete(upstream));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('data', (chunk: Buffer) => {
        const waiting = stranded.get(to);
        if (waiting !== undefined) waiting.push(chunk);
        else to.write(garbling && from === upstream ? GARBAGE : chunk);
      });
      from.on('close', () => {
        sockets.delete(from);
        if (!stranded.has(to)) to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    garble(yes) {
      garbling = yes;
    },
    strand() {
      stranded = new Map([...upstreams].map((upstream) => [upstream, []]));
    },
    get stranded() {
      return [...stranded.values()].reduce((sum, waiting) => sum + waiting.length, 0);
    },
    release() {
      for (const [upstream, waiting] of stranded) for (const chunk of waiting) upstream.write(chunk);
      stranded = new Map();
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
