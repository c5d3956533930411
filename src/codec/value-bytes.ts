/**
 * Small msgpack in memory: a string with one character for each byte. Its TypeScript type is not `string`, because uWS,
 * sockets and files would write it as UTF-8, which turns each byte from 0x80 on into two.
 */
export interface Latin1 {
  readonly length: number;
  readonly [LATIN1]: true;
}
declare const LATIN1: unique symbol;

/** A value's bytes in memory. Either kind of string has one character for each byte, so `length` counts bytes. */
export type Held = string | Latin1 | Buffer;

export function toLatin1(bytes: Buffer): Latin1 {
  return bytes.toString('latin1') as unknown as Latin1;
}

/** Returns the bytes as a Buffer. For a string it is a new Buffer, which takes more memory than the string itself. */
export function bufferOf(held: Held): Buffer {
  return typeof held === 'string' ? Buffer.from(held, 'latin1') : (held as Buffer);
}

/** Copies the bytes to `into`, which must have enough room after `at`. */
export function copyHeld(held: Held, into: Buffer, at: number): void {
  if (typeof held === 'string') into.write(held, at, 'latin1');
  else into.set(held as Buffer, at);
}
