import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Passes everything on, until it is to do worse. */
export interface Garbler {
  readonly port: number;
  /** What comes back from the server is garbage. */
  garble(yes: boolean): void;
  /** What clients send on the connections that are open now stays on its way, even when they are gone. */
  strand(): void;
  /** How many pieces are on their way so. */
  readonly stranded: number;
  /** They arrive after all. */
  release(): void;
  close(): Promise<void>;
}

// No RESP type begins with any of these bytes.
const GARBAGE = Buffer.from('\u0000%&!!garbage\r\nHTTP/1.1 400 Bad Request\r\n\r\n');

/** @param target looked up anew for each connection, since a server that was restarted may have another port */
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
