/**
 * Small msgpack as it is kept: a string with a character a byte. To the types it is no string, for uWS, sockets and files
 * write a string as UTF-8, which makes two bytes of each from 0x80 on.
 */
export interface Latin1 {
  readonly length: number;
  readonly [LATIN1]: true;
}
declare const LATIN1: unique symbol;

/** A value's bytes as they are kept. A string of either kind has a character a byte; `length` is their number. */
export type Held = string | Latin1 | Buffer;

export function toLatin1(bytes: Buffer): Latin1 {
  return bytes.toString('latin1') as unknown as Latin1;
}

/** The bytes, in a Buffer made for the caller where they are not held as one: keeping it costs more than the value. */
export function bufferOf(held: Held): Buffer {
  return typeof held === 'string' ? Buffer.from(held, 'latin1') : (held as Buffer);
}

/** Writes the bytes into a buffer that has room for them. */
export function copyHeld(held: Held, into: Buffer, at: number): void {
  if (typeof held === 'string') into.write(held, at, 'latin1');
  else into.set(held as Buffer, at);
}
