import { isAscii } from 'node:buffer';
import { type TypeIndex, typeOf } from './key.ts';
import { jsonToMsgpack } from './value/json-to-msgpack.ts';
import { msgpackToJson } from './value/msgpack-to-json.ts';
import type { Version } from './version.ts';

/** How a value's bytes are to be read. */
export type Encoding = 'json' | 'msgpack';

/**
 * A value's bytes, ready to send. A string holds ASCII JSON, one byte a character: on V8's own heap a small
 * value costs a third of what a Buffer costs, and uWS sends both equally fast. All else is a Buffer.
 */
export type Body = string | Buffer;

/** A value exactly as it was written: its bytes and how to read them. */
export interface Value {
  readonly encoding: Encoding;
  readonly body: Body;
}

// Above this a string is slower to send than a Buffer.
const STRING_LIMIT_BYTES = 4096;

/** What an entry costs beyond its key and value: the object, the map's slot, the LRU's pointers. */
const ENTRY_OVERHEAD_BYTES = 220;

/**
 * Takes a copy of a value's bytes in the form that is cheapest to keep and send. It must be a copy: what
 * comes from a socket is a slice of a chunk, and keeping the slice would keep the whole chunk.
 */
export function keep(encoding: Encoding, bytes: Buffer): Body {
  if (encoding === 'json' && bytes.length <= STRING_LIMIT_BYTES && isAscii(bytes))
    return bytes.toString('latin1');
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** One key's value with its version and its deadlines, immutable but for what is derived from it. */
export class Entry {
  readonly type: TypeIndex;
  readonly version: Version;
  /** When it was written, in milliseconds since the epoch. */
  readonly storedAt: number;
  /** When the value is over, in milliseconds since the epoch; it is never served after. */
  readonly expiresAt: number;
  /** When L1 must ask L2 again, in milliseconds since the epoch; set as the entry enters L1. */
  freshUntil = 0;
  /** How the value was written; the other encoding is made on first need. */
  readonly encoding: Encoding;
  #json: Body | undefined;
  #msgpack: Buffer | undefined;
  /** What it takes of L1's byte budget. */
  readonly bytes: number;
  /** Written by this process, and its echo has not come yet: see `confirmations.ts`. */
  own = false;
  /** The header lines of its answers, good for one second and one encoding; written by `http/`. */
  head = '';
  headSecond = 0;
  headEncoding: Encoding = 'json';

  constructor(key: string, value: Value, version: Version, storedAt: number, expiresAt: number) {
    this.type = typeOf(key);
    this.version = version;
    this.storedAt = storedAt;
    this.expiresAt = expiresAt;
    this.encoding = value.encoding;
    this.bytes = key.length + value.body.length + ENTRY_OVERHEAD_BYTES;
    if (value.encoding === 'json') this.#json = value.body;
    else this.#msgpack = value.body as Buffer;
  }

  /** The value as JSON text if that is at hand, without converting. */
  get plainJson(): Body | undefined {
    return this.#json;
  }

  /** The value as JSON text. @throws NotConvertible where JSON cannot hold it unchanged */
  get json(): Body {
    this.#json ??= keep('json', Buffer.from(msgpackToJson(this.#msgpack!)));
    return this.#json;
  }

  /** The value as msgpack. @throws NotConvertible where msgpack cannot hold it unchanged */
  get msgpack(): Buffer {
    this.#msgpack ??= jsonToMsgpack(this.#json!.toString());
    return this.#msgpack;
  }

  /** The value exactly as it was written. */
  get value(): Value {
    return { encoding: this.encoding, body: this.encoding === 'json' ? this.#json! : this.#msgpack! };
  }
}
