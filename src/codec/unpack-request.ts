import { Malformed } from './errors.ts';
import * as read from './msgpack-read.ts';
import { recentString } from './recent-strings.ts';

/** No valid request nests deeper. Without a limit a hostile request would exhaust the stack. */
const MAX_DEPTH = 16;

const UINT16 = 0xcd;
const STR8 = 0xd9;

/** Up to this length V8 copies concatenated strings instead of linking them. */
const SHORT = 8;

/**
 * Decodes a msgpack request: maps with string names, arrays, strings, numbers, booleans, nil. A member named `value`
 * may be any msgpack object and is not decoded. The result has the `Span` of its bytes instead, so that they can be
 * stored exactly as they were sent.
 * @param maxItems the most members and elements outside of values
 * @throws Malformed where the bytes are not exactly one such object, a string is not UTF-8, or the request has more items
 */
export function unpackRequest(bytes: Buffer, maxItems = Number.POSITIVE_INFINITY): unknown {
  const decoder = new Decoder(bytes, maxItems);
  const data = decoder.next(0);
  if (decoder.at !== bytes.length)
    throw new Malformed(`extra bytes follow the msgpack object, at byte ${decoder.at} of ${bytes.length}`);
  return data;
}

class Decoder {
  readonly #bytes: Buffer;
  readonly #maxItems: number;
  #items = 0;
  at = 0;

  constructor(bytes: Buffer, maxItems: number) {
    this.#bytes = bytes;
    this.#maxItems = maxItems;
  }

  /** @param repeats whether a string is probably one that other requests have too, such as a key */
  next(depth: number, repeats = false): unknown {
    const bytes = this.#bytes;
    const start = this.at;
    const head = bytes[start]!;
    // A request may have a thousand ids, most of them of one or three bytes.
    if (head < 0x80) {
      this.at = start + 1;
      return head;
    }
    if (head === UINT16 && start + 2 < bytes.length) {
      this.at = start + 3;
      return (bytes[start + 1]! << 8) | bytes[start + 2]!;
    }
    const kind = read.kindAt(bytes, start);
    switch (kind) {
      case 'str':
        return (repeats ? this.#recentString() : undefined) ?? this.#string();
      case 'array':
        return this.#array(depth);
      case 'map':
        return this.#map(depth);
      case 'bin':
      case 'ext':
        throw new Malformed(`${kind} is allowed only in a value, at byte ${start}`);
      default:
        this.at = read.skip(bytes, start);
        if (kind === 'nil') return null;
        if (kind === 'bool') return bytes[start] === 0xc3;
        return kind === 'float' ? read.readFloat(bytes, start) : Number(read.readInteger(bytes, start));
    }
  }

  #string(): string {
    const start = this.at;
    const short = this.#shortAscii(start);
    if (short !== undefined) return short;
    const text = read.readString(this.#bytes, start);
    this.at = read.bodyAt(this.#bytes, start) + read.lengthAt(this.#bytes, start);
    return text;
  }

  /** Most member names are a few letters. Joining them here takes a third of the time of a call into native code. */
  #shortAscii(start: number): string | undefined {
    const bytes = this.#bytes;
    const length = bytes[start]! - 0xa0;
    if (!(length >= 0 && length <= SHORT) || start + length >= bytes.length) return undefined;
    let text = '';
    for (let i = start + 1; i <= start + length; i++) {
      const byte = bytes[i]!;
      if (byte >= 0x80) return undefined;
      text += String.fromCharCode(byte);
    }
    this.at = start + 1 + length;
    return text;
  }

  #recentString(): string | undefined {
    const bytes = this.#bytes;
    const body = this.at + (bytes[this.at]! < STR8 ? 1 : 2);
    const end = body + read.lengthAt(bytes, this.at);
    if (end > bytes.length || bytes[this.at]! > STR8) return undefined;
    const text = recentString(bytes, body, end);
    if (text !== undefined) this.at = end;
    return text;
  }

  #array(depth: number): unknown[] {
    const items: unknown[] = [];
    for (let left = this.#enter(depth); left > 0; left--) items.push(this.next(depth + 1, true));
    return items;
  }

  #map(depth: number): object {
    const map = {};
    for (let left = this.#enter(depth); left > 0; left--) {
      const kind = read.kindAt(this.#bytes, this.at);
      if (kind !== 'str')
        throw new Malformed(`a member name must be a string, found ${kind}, at byte ${this.at}`);
      const name = this.#string();
      put(map, name, name === 'value' ? this.#span() : this.next(depth + 1, name === 'key'));
    }
    return map;
  }

  #span(): read.Span {
    const start = this.at;
    this.at = read.skip(this.#bytes, start);
    return [start, this.at];
  }

  /** Moves to the first item of the container, and returns the number of items. */
  #enter(depth: number): number {
    if (depth === MAX_DEPTH)
      throw new Malformed(`nested deeper than ${MAX_DEPTH} levels, at byte ${this.at}`);
    const count = read.lengthAt(this.#bytes, this.at);
    this.#items += count;
    if (this.#items > this.#maxItems) throw new Malformed(`more than ${this.#maxItems} members and elements`);
    this.at = read.bodyAt(this.#bytes, this.at);
    return count;
  }
}

/** Sets an own property, as `JSON.parse` does. A plain assignment to `__proto__` would change the prototype instead. */
function put(map: object, name: string, value: unknown): void {
  if (name !== '__proto__') (map as Record<string, unknown>)[name] = value;
  else Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
}
