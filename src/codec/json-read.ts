import { Malformed } from './errors.ts';

/*
 * These functions find values inside JSON text (RFC 8259) without building them. The text must have passed
 * `JSON.parse`, so they only look for the end of each value. For other text they return a wrong result or throw
 * `Malformed`, but they always end.
 */

/** The position of one value: `text.slice(start, end)` is exactly its text, without white space around it. */
export type Span = readonly [start: number, end: number];

/** One member of an object: its unescaped name, and the position of its value. */
export type Member = readonly [name: string, start: number, end: number];

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Yields the members of the object at `start`, in order and lazily. A repeated name is yielded each time.
 * @throws Malformed when the value is not an object
 */
export function* members(text: string, start: number): Generator<Member, void> {
  let at = enter(text, start, OPEN_OBJECT, 'an object');
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = skipString(text, at);
    const name = readString(text, at, nameEnd);
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = skip(text, valueStart);
    yield [name, valueStart, end];
    at = next(text, end);
  }
}

/**
 * Returns the position of the member `name` in the object at `start`, or undefined when the object lacks it. When a
 * name is repeated the last member counts, as with `JSON.parse`.
 * @throws Malformed when the value is not an object
 */
export function member(text: string, start: number, name: string): Span | undefined {
  let found: Span | undefined;
  for (const [each, from, end] of members(text, start)) if (each === name) found = [from, end];
  return found;
}

/**
 * Yields the elements of the array at `start`, in order and lazily.
 * @throws Malformed when the value is not an array
 */
export function* elements(text: string, start: number): Generator<Span, void> {
  let at = enter(text, start, OPEN_ARRAY, 'an array');
  while (at < text.length && text.charCodeAt(at) !== CLOSE_ARRAY) {
    const end = skip(text, at);
    yield [at, end];
    at = next(text, end);
  }
}

/**
 * Returns the unescaped string whose opening quote is at `start`. Passing `end` saves the search for it.
 * @throws Malformed when an escape is invalid
 */
export function readString(text: string, start: number, end = skipString(text, start)): string {
  const inner = text.slice(start + 1, end - 1);
  if (!inner.includes('\\')) return inner;
  try {
    return JSON.parse(text.slice(start, end)) as string;
  } catch {
    throw new Malformed(`invalid string, at character ${start}`);
  }
}

/** Returns the index after the value whose first character is at `start`. */
export function skip(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return skipString(text, start);
  if (first === OPEN_ARRAY || first === OPEN_OBJECT) return skipContainer(text, start);
  let at = start + 1;
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at++;
  return at;
}

/** Returns the index after the string whose opening quote is at `start`. */
export function skipString(text: string, start: number): number {
  let quote = start;
  do {
    quote = text.indexOf('"', quote + 1);
    if (quote === -1) throw new Malformed(`unterminated string, at character ${start}`);
  } while (isEscaped(text, quote));
  return quote + 1;
}

/** Returns the first index from `at` on whose character is not white space. */
export function skipSpace(text: string, at: number): number {
  let index = at;
  while (isSpace(text.charCodeAt(index))) index++;
  return index;
}

function skipContainer(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = skipString(text, at);
      continue;
    }
    at++;
    if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth++;
    else if ((code === CLOSE_ARRAY || code === CLOSE_OBJECT) && --depth === 0) return at;
  }
  throw new Malformed(`unterminated array or object, at character ${start}`);
}

/** Returns the index of the first item, or of the closing bracket, of the container at `start`. */
function enter(text: string, start: number, bracket: number, what: string): number {
  const at = skipSpace(text, start);
  if (text.charCodeAt(at) !== bracket) throw new Malformed(`expected ${what}, at character ${at}`);
  return skipSpace(text, at + 1);
}

/** Returns the index of the next item, or of the closing bracket, after the item that ends at `end`. */
function next(text: string, end: number): number {
  const at = skipSpace(text, end);
  return text.charCodeAt(at) === COMMA ? skipSpace(text, at + 1) : at;
}

/** A quote belongs to its string when an odd number of backslashes precedes it. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote - 1;
  while (text.charCodeAt(at) === BACKSLASH) at--;
  return (quote - at) % 2 === 0;
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT || isSpace(code);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
