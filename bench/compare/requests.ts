/** The requests of the rows, ready as text. */

import type { Running } from '../peers/peer.ts';
import { zipf } from '../support/zipf.ts';
import { type Item, itemsOf, type Shape } from './data.ts';

/** Reads before the sequence begins anew; a power of two, so that it divides into parts of any depth. */
const ROUND = 1 << 16;
/** Writes carry their value, and so are kept fewer. */
const WRITES = 1 << 13;

type Requests = (server: Running) => readonly string[];

/** Reads of these keys as readers draw them: some are wanted far more than others. */
export function reads(shape: Shape): Requests {
  return made((server) => drawn(getsOf(server, shape), ROUND));
}

/** Reads of all these keys in turn. */
export function readsInTurn(shape: Shape): Requests {
  return made((server) => getsOf(server, shape));
}

export function writes(shape: Shape): Requests {
  return made((server) => drawn(itemsOf(shape).map(putOf(server)), WRITES));
}

function getsOf(server: Running, shape: Shape): string[] {
  return itemsOf(shape).map(({ key }) => `GET ${server.pathOf(key)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
}

function putOf(server: Running) {
  return ({ key, value }: Item) =>
    `PUT ${server.pathOf(key)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${value.length}\r\n\r\n${value}`;
}

/** As many of these, Zipf-distributed. */
export function drawn<T>(from: readonly T[], count: number): T[] {
  return Array.from(zipf(from.length, count), (index) => from[index]!);
}

/** Made once for each server. */
function made(make: Requests): Requests {
  const known = new WeakMap<Running, readonly string[]>();
  return (server) => {
    const requests = known.get(server) ?? make(server);
    known.set(server, requests);
    return requests;
  };
}
