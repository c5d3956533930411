import { Unpackr } from 'msgpackr';
import { Malformed } from '../cache/value/errors.ts';
import { KnownStrings } from '../cache/value/known-strings.ts';
import * as read from '../cache/value/msgpack-read.ts';

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

/** Names of members, operations and keys; 200 KB where all are as long as can be. */
const known = new KnownStrings(4096);

/**
 * The members of a request, undefined where the frame is no map. What a request consists of, strings and lists of
 * them, is read here, because strings that are known already make an `mget` of 100 cost a quarter less; the rest is
 * msgpackr's.
 * @throws Malformed
 */
export function readRequest(bytes: Buffer): Record<string, unknown> | undefined {
  if (read.kindAt(bytes, 0) === 'map') return new RequestReader(bytes).members();
  read.validateMsgpack(bytes);
  return undefined;
}

// The strings of up to 31 bytes, which keys are.
const SHORT_STRING = 0xa0;
const SHORT_BYTES = 0x1f;

class RequestReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  members(): Record<string, unknown> {
    const data: Record<string, unknown> = {};
    for (let left = this.#enter(); left > 0; left--) {
      const name = this.#text();
      const value = name === 'value' ? this.#any() : this.#member();
      // It would not become a member, but what the object inherits from.
      if (name !== '__proto__') data[name] = value;
    }
    const size = this.#bytes.length;
    if (this.#at !== size) throw new Malformed(`the map ends at byte ${this.#at} of ${size}`);
    return data;
  }

  #member(): unknown {
    switch (read.kindAt(this.#bytes, this.#at)) {
      case 'str':
        return this.#text();
      case 'array':
        return this.#items();
      default:
        return this.#any();
    }
  }

  #items(): unknown[] {
    const items: unknown[] = [];
    for (let left = this.#enter(); left > 0; left--)
      items.push(read.kindAt(this.#bytes, this.#at) === 'str' ? this.#text() : this.#any());
    return items;
  }

  /** Goes past the head of a container, and says how many it holds. */
  #enter(): number {
    const count = read.lengthAt(this.#bytes, this.#at);
    this.#at = read.bodyAt(this.#bytes, this.#at);
    return count;
  }

  #text(): string {
    const bytes = this.#bytes;
    const at = this.#at;
    const length = (bytes[at] ?? 0) ^ SHORT_STRING;
    if (length > SHORT_BYTES) {
      this.#at = read.skip(bytes, at);
      return read.readString(bytes, at);
    }
    const end = at + 1 + length;
    const text = end > bytes.length ? undefined : known.read(bytes, at + 1, end);
    // It says what is wrong.
    if (text === undefined) return read.readString(bytes, at);
    this.#at = end;
    return text;
  }

  #any(): unknown {
    const start = this.#at;
    this.#at = read.skip(this.#bytes, start);
    const head = this.#bytes[start]!;
    // The usual id.
    return head < 0x80 ? head : unpackr.unpack(this.#bytes.subarray(start, this.#at));
  }
}
