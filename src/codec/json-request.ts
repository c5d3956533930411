import { Malformed } from './errors.ts';
import * as read from './json-read.ts';

/** No valid request nests deeper. */
const MAX_DEPTH = 16;

/** Items that are read before the generator yields: less than a millisecond. */
const SLICE_ITEMS = 1000;
/** Characters of values that are passed before the generator yields: about a millisecond. */
const SLICE_CHARACTERS = 256 * 1024;

/**
 * Reads a request as JSON. A member named `value` may be any JSON and is not built: the result has the `Span` of its
 * text instead, as `unpackRequest` does for msgpack.
 * @param text must be valid JSON
 * @param maxItems the most members and elements outside of values
 * @throws Malformed where the request has more items, or nests deeper than 16 levels
 */
export function* readJsonRequest(text: string, maxItems: number): Generator<void, unknown> {
  return yield* new Reader(text, maxItems).next(0);
}

class Reader {
  readonly #text: string;
  readonly #maxItems: number;
  #items = 0;
  #passed = 0;
  #at = 0;

  constructor(text: string, maxItems: number) {
    this.#text = text;
    this.#maxItems = maxItems;
    this.#at = read.skipSpace(text, 0);
  }

  *next(depth: number): Generator<void, unknown> {
    const first = this.#text[this.#at];
    if (first !== '[' && first !== '{') return this.#scalar();
    if (depth === MAX_DEPTH)
      throw new Malformed(`nested deeper than ${MAX_DEPTH} levels, at character ${this.#at}`);
    return first === '[' ? yield* this.#array(depth) : yield* this.#object(depth);
  }

  *#array(depth: number): Generator<void, unknown[]> {
    const items: unknown[] = [];
    this.#step(1);
    while (this.#text[this.#at] !== ']') {
      if (this.#count()) yield;
      const first = this.#text[this.#at];
      items.push(first === '[' || first === '{' ? yield* this.next(depth + 1) : this.#scalar());
      this.#pastComma();
    }
    this.#step(1);
    return items;
  }

  *#object(depth: number): Generator<void, object> {
    const object = {};
    this.#step(1);
    while (this.#text[this.#at] !== '}') {
      if (this.#count()) yield;
      const name = this.#scalar() as string;
      // Past the colon.
      this.#step(read.skipSpace(this.#text, this.#at) - this.#at + 1);
      put(object, name, name === 'value' ? this.#span() : yield* this.next(depth + 1));
      this.#pastComma();
    }
    this.#step(1);
    return object;
  }

  #scalar(): unknown {
    const start = this.#at;
    this.#at = read.skip(this.#text, start);
    if (this.#text[start] === '"') return read.readString(this.#text, start, this.#at);
    return JSON.parse(this.#text.slice(start, this.#at));
  }

  #span(): read.Span {
    const start = this.#at;
    this.#at = read.skip(this.#text, start);
    this.#passed += this.#at - start;
    return [start, this.#at];
  }

  /** Counts an item. Returns whether the slice has ended. */
  #count(): boolean {
    if (++this.#items > this.#maxItems)
      throw new Malformed(`more than ${this.#maxItems} members and elements`);
    if (this.#items % SLICE_ITEMS > 0 && this.#passed < SLICE_CHARACTERS) return false;
    this.#passed = 0;
    return true;
  }

  #pastComma(): void {
    this.#at = read.skipSpace(this.#text, this.#at);
    if (this.#text[this.#at] === ',') this.#step(1);
  }

  #step(characters: number): void {
    this.#at = read.skipSpace(this.#text, this.#at + characters);
  }
}

/** Sets an own property, as `JSON.parse` does. A plain assignment to `__proto__` would change the prototype instead. */
function put(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
