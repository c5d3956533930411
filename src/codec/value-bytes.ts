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
export type ValueBytes = string | Latin1 | Buffer;

export function toLatin1(bytes: Buffer): Latin1 {
  return bytes.toString('latin1') as unknown as Latin1;
}

/** Returns the bytes as a Buffer. For a string it is a new Buffer, which takes more memory than the string itself. */
export function bufferOf(bytes: ValueBytes): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : (bytes as Buffer);
}

/** Copies the bytes to `into`, which must have enough room after `at`. */
export function copyBytes(bytes: ValueBytes, into: Buffer, at: number): void {
  if (typeof bytes === 'string') into.write(bytes, at, 'latin1');
  else into.set(bytes as Buffer, at);
}
