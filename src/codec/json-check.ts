import { isAscii, isUtf8 } from 'node:buffer';
import { Malformed } from './errors.ts';

/** Bytes that are checked before the generator yields: about two milliseconds. */
const SLICE = 256 * 1024;

const QUOTE = 0x22;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The escapes of one character: `"\/bfnrt`. */
const ESCAPES = tableOf('"\\/bfnrt');
const HEX = tableOf('0123456789abcdefABCDEF');
const LITERALS: ReadonlyMap<number, Buffer> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);

type Expected = 'value' | 'value or ]' | 'name' | 'name or }' | ':' | ', or end';

/**
 * Checks that the bytes are exactly one JSON text (RFC 8259), as `JSON.parse` does, but builds nothing. So deep nesting
 * costs one byte a level, and long texts can be checked in slices.
 * @throws Malformed
 */
export function* checkJson(bytes: Buffer): Generator<void, void> {
  if (!isAscii(bytes) && !isUtf8(bytes)) throw new Malformed('the text is not UTF-8');
  const size = bytes.length;
  const open = new Open();
  let expected: Expected = 'value';
  let at = 0;
  let sliceEnd = SLICE;
  for (;;) {
    at = skipSpace(bytes, at);
    if (at >= size) break;
    if (at >= sliceEnd) {
      sliceEnd = at + SLICE;
      yield;
    }
    const code = bytes[at]!;
    switch (expected) {
      case 'name':
      case 'name or }':
        if (code === QUOTE) {
          at = stringEnd(bytes, at);
          expected = ':';
        } else if (code === CLOSE_OBJECT && expected === 'name or }') {
          open.pop();
          at++;
          expected = ', or end';
        } else throw unexpected(at, 'a member name');
        break;
      case ':':
        if (code !== 0x3a) throw unexpected(at, 'a colon');
        at++;
        expected = 'value';
        break;
      case ', or end':
        if (open.depth === 0) throw unexpected(at, 'the end');
        at++;
        if (code === 0x2c) expected = open.isArray ? 'value' : 'name';
        else if (code === (open.isArray ? CLOSE_ARRAY : CLOSE_OBJECT)) open.pop();
        else throw unexpected(at - 1, 'a comma or a closing bracket');
        break;
      default:
        if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
          open.push(code === OPEN_ARRAY);
          at++;
          expected = code === OPEN_ARRAY ? 'value or ]' : 'name or }';
        } else if (code === CLOSE_ARRAY && expected === 'value or ]') {
          open.pop();
          at++;
          expected = ', or end';
        } else {
          at = scalarEnd(bytes, at);
          expected = ', or end';
        }
    }
  }
  if (open.depth > 0 || expected !== ', or end') throw new Malformed('the text ends too early');
}

/** The containers that are open: one byte for each, 1 for an array. */
class Open {
  #kinds = new Uint8Array(64);
  depth = 0;
  isArray = false;

  push(isArray: boolean): void {
    if (this.depth === this.#kinds.length) {
      const larger = new Uint8Array(2 * this.depth);
      larger.set(this.#kinds);
      this.#kinds = larger;
    }
    this.#kinds[this.depth++] = isArray ? 1 : 0;
    this.isArray = isArray;
  }

  pop(): void {
    this.depth--;
    this.isArray = this.depth > 0 && this.#kinds[this.depth - 1] === 1;
  }
}

function scalarEnd(bytes: Buffer, at: number): number {
  const code = bytes[at]!;
  if (code === QUOTE) return stringEnd(bytes, at);
  const literal = LITERALS.get(code);
  if (literal === undefined) return numberEnd(bytes, at);
  for (let i = 1; i < literal.length; i++)
    if (bytes[at + i] !== literal[i]) throw unexpected(at, `the word ${literal}`);
  return at + literal.length;
}

function stringEnd(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (;;) {
    const code = bytes[at];
    if (code === QUOTE) return at + 1;
    if (code === undefined) throw new Malformed(`a string does not end, at byte ${start}`);
    if (code < 0x20) throw unexpected(at, 'no control character in a string');
    if (code !== BACKSLASH) {
      at++;
    } else if (ESCAPES[bytes[at + 1]!] === 1) {
      at += 2;
    } else {
      if (bytes[at + 1] !== 0x75) throw unexpected(at, 'a valid escape');
      for (let i = 2; i < 6; i++)
        if (HEX[bytes[at + i]!] !== 1) throw unexpected(at, 'four hexadecimal digits');
      at += 6;
    }
  }
}

function numberEnd(bytes: Buffer, start: number): number {
  let at = start;
  if (bytes[at] === MINUS) at++;
  if (bytes[at] === ZERO) at++;
  else at = digitsEnd(bytes, at, start);
  if (bytes[at] === POINT) at = digitsEnd(bytes, at + 1, start);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1];
    at = digitsEnd(bytes, sign === MINUS || sign === 0x2b ? at + 2 : at + 1, start);
  }
  return at;
}

/** Returns the index after at least one digit. */
function digitsEnd(bytes: Buffer, from: number, start: number): number {
  let at = from;
  while (bytes[at]! >= ZERO && bytes[at]! <= 0x39) at++;
  if (at === from) throw unexpected(start, 'a value');
  return at;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

function unexpected(at: number, expected: string): Malformed {
  return new Malformed(`expected ${expected}, at byte ${at}`);
}
