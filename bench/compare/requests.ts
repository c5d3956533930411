/** The requests of the rows, ready as text. */
import { type Item, itemsOf, type Shape } from '../support/data.ts';
import { drawn } from '../support/zipf.ts';
import type { Running } from './contender.ts';

/** Reads before the sequence begins again; a power of two, so that it divides into parts of any depth. */
const READS = 1 << 16;
/** Writes carry their value, so fewer are kept. */
const WRITES = 1 << 13;

export type Requests = (server: Running) => readonly string[];

/** Reads of these keys as readers draw them: some are popular. */
export function reads(shape: Shape): Requests {
  return (server) => drawn(readsOf(server, shape), READS);
}

/** As `reads`, each of them sampled by its caller. */
export function tracedReads(shape: Shape): Requests {
  const traceparent = 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  return (server) =>
    reads(shape)(server).map((read) => read.replace('\r\n\r\n', `\r\n${traceparent}\r\n\r\n`));
}

/** Reads of all these keys in turn. */
export function readsInTurn(shape: Shape): Requests {
  return (server) => readsOf(server, shape);
}

export function writes(shape: Shape): Requests {
  return (server) =>
    drawn(
      itemsOf(shape).map((item) => writeOf(server, item)),
      WRITES,
    );
}

function readsOf(server: Running, shape: Shape): string[] {
  return itemsOf(shape).map(({ key }) => `GET ${server.pathOf(key)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
}

function writeOf(server: Running, { key, value }: Item): string {
  return (
    `PUT ${server.pathOf(key)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${value.length}\r\n\r\n${value}`
  );
}
