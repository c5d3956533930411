import { isUtf8 } from 'node:buffer';
import { Malformed } from './errors.ts';

/*
 * These functions read msgpack in place: they find where objects begin and end, without building them. The first byte
 * determines either the whole size (FIXED_SIZE) or the number of length bytes that follow (LENGTH_BYTES).
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 */

export type Kind = 'nil' | 'bool' | 'int' | 'float' | 'str' | 'bin' | 'array' | 'map' | 'ext';

/** The position of one object: `bytes.subarray(start, end)` is exactly its encoding. */
export type Span = readonly [start: number, end: number];

/** Size in bytes by first byte: for strings with their text, for containers the header only. 0 means LENGTH_BYTES. */
const FIXED_SIZE = new Uint8Array(256);
/** The number of length bytes after the first byte. */
const LENGTH_BYTES = new Uint8Array(256);
const KINDS: (Kind | undefined)[] = [];

function define(first: number, last: number, kind: Kind, size: (head: number) => number): void {
  for (let head = first; head <= last; head++) {
    KINDS[head] = kind;
    FIXED_SIZE[head] = size(head);
  }
}

function defineSized(first: number, kind: Kind, widths: readonly number[]): void {
  for (const [i, width] of widths.entries()) {
    KINDS[first + i] = kind;
    LENGTH_BYTES[first + i] = width;
  }
}

define(0x00, 0x7f, 'int', () => 1);
define(0x80, 0x8f, 'map', () => 1);
define(0x90, 0x9f, 'array', () => 1);
define(0xa0, 0xbf, 'str', (head) => 1 + (head & 0x1f));
define(0xc0, 0xc0, 'nil', () => 1);
define(0xc2, 0xc3, 'bool', () => 1);
defineSized(0xc4, 'bin', [1, 2, 4]);
defineSized(0xc7, 'ext', [1, 2, 4]);
define(0xca, 0xcb, 'float', (head) => (head === 0xca ? 5 : 9));
define(0xcc, 0xcf, 'int', (head) => 1 + (1 << (head - 0xcc)));
define(0xd0, 0xd3, 'int', (head) => 1 + (1 << (head - 0xd0)));
define(0xd4, 0xd8, 'ext', (head) => 2 + (1 << (head - 0xd4)));
defineSized(0xd9, 'str', [1, 2, 4]);
defineSized(0xdc, 'array', [2, 4]);
defineSized(0xde, 'map', [2, 4]);
define(0xe0, 0xff, 'int', () => 1);

/**
 * Returns the index after the object that begins at `offset`, with all its contents.
 * @throws Malformed when the object is truncated, or contains the byte 0xc1, which the format never uses
 */
export function skip(bytes: Uint8Array, offset: number): number {
  const size = bytes.length;
  let at = offset;
  let pending = 1;
  while (pending > 0) {
    // Every pending object takes at least one byte, so a header with a false count fails here at once.
    if (pending > size - at) throw truncated(size);
    const head = bytes[at]!;
    const fixed = FIXED_SIZE[head]!;
    pending -= 1;
    if (fixed !== 0) {
      at += fixed;
      if (head >= 0x80 && head <= 0x9f) pending += head < 0x90 ? 2 * (head & 0x0f) : head & 0x0f;
    } else {
      const length = lengthAt(bytes, at);
      const body = bodyAt(bytes, at);
      at = head < 0xdc ? body + length : body;
      if (head >= 0xdc) pending += head < 0xde ? length : 2 * length;
    }
    if (at > size) throw truncated(size);
  }
  return at;
}

/**
 * Checks that `bytes` are exactly one object with nothing after it. It checks only the structure, because the format
 * allows a string whose bytes are not UTF-8.
 * @throws Malformed
 */
export function validateMsgpack(bytes: Uint8Array): void {
  const end = skip(bytes, 0);
  if (end !== bytes.length) {
    throw new Malformed(`extra bytes follow the msgpack object, at byte ${end} of ${bytes.length}`);
  }
}

/**
 * Returns the kind of the object that begins at `offset`.
 * @throws Malformed when `offset` is at the end, or its byte is 0xc1
 */
export function kindAt(bytes: Uint8Array, offset: number): Kind {
  const head = bytes[offset];
  if (head === undefined) throw truncated(bytes.length);
  const kind = KINDS[head];
  if (kind === undefined) throw new Malformed(`0xc1 is not a msgpack type, at byte ${offset}`);
  return kind;
}

/**
 * Returns the length of the object at `offset`: items for an array, pairs for a map, bytes for a string, binary or ext.
 */
export function lengthAt(bytes: Uint8Array, offset: number): number {
  const kind = kindAt(bytes, offset);
  const head = bytes[offset]!;
  const width = LENGTH_BYTES[head]!;
  if (width === 0) {
    if (kind === 'ext') return FIXED_SIZE[head]! - 2;
    return kind === 'str' ? head & 0x1f : head & 0x0f;
  }
  if (offset + width >= bytes.length) throw truncated(bytes.length);
  return unsigned(bytes, offset + 1, width);
}

/** Returns where the first item of the container at `offset` begins, or the content of the string, binary or ext. */
export function bodyAt(bytes: Uint8Array, offset: number): number {
  const body = offset + 1 + LENGTH_BYTES[bytes[offset]!]!;
  return kindAt(bytes, offset) === 'ext' ? body + 1 : body;
}

/**
 * Returns the string at `start`.
 * @throws Malformed when the object is not a string, or its bytes are not UTF-8
 */
export function readString(bytes: Uint8Array, start: number): string {
  expectKind(bytes, start, 'str');
  const body = bodyAt(bytes, start);
  const end = body + lengthAt(bytes, start);
  if (end > bytes.length) throw truncated(bytes.length);
  const text = decodeUtf8(bytes, body, end);
  if (text === undefined) throw new Malformed(`a string is not UTF-8, at byte ${start}`);
  return text;
}

/**
 * Returns the integer at `start`, as a `bigint` only where it is not a safe integer.
 * @throws Malformed when the object is not an integer
 */
export function readInteger(bytes: Uint8Array, start: number): number | bigint {
  expectKind(bytes, start, 'int');
  const head = bytes[start]!;
  if (head < 0x80) return head;
  if (head >= 0xe0) return head - 0x100;
  const width = FIXED_SIZE[head]! - 1;
  if (start + width >= bytes.length) throw truncated(bytes.length);
  const signed = head >= 0xd0;
  if (width < 8) {
    const value = unsigned(bytes, start + 1, width);
    const range = 2 ** (8 * width);
    return signed && value >= range / 2 ? value - range : value;
  }
  const low = unsigned(bytes, start + 5, 4);
  let high = unsigned(bytes, start + 1, 4);
  if (signed) high |= 0;
  const value = high * 0x1_0000_0000 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) + BigInt(low);
}

const float = new DataView(new ArrayBuffer(8));

/**
 * Returns the float at `start`. A float32 becomes the double of exactly the same value.
 * @throws Malformed when the object is not a float
 */
export function readFloat(bytes: Uint8Array, start: number): number {
  expectKind(bytes, start, 'float');
  const single = bytes[start] === 0xca;
  if (start + (single ? 4 : 8) >= bytes.length) throw truncated(bytes.length);
  float.setUint32(0, unsigned(bytes, start + 1, 4));
  if (single) return float.getFloat32(0);
  float.setUint32(4, unsigned(bytes, start + 5, 4));
  return float.getFloat64(0);
}

/** Returns the text of these bytes, with a leading U+FEFF if any, or undefined when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isShortAscii(bytes, start, end)) return buffer.toString('latin1', start, end);
  return isUtf8(bytes.subarray(start, end)) ? buffer.toString('utf8', start, end) : undefined;
}

function isShortAscii(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 64) return false;
  for (let i = start; i < end; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

function unsigned(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = at; i < at + width; i++) value = value * 0x100 + bytes[i]!;
  return value;
}

function expectKind(bytes: Uint8Array, offset: number, kind: Kind): void {
  const found = kindAt(bytes, offset);
  if (found !== kind) throw new Malformed(`expected ${kind}, found ${found}, at byte ${offset}`);
}

function truncated(size: number): Malformed {
  return new Malformed(`the msgpack data is truncated, at byte ${size}`);
}
