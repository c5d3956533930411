import { isAscii } from 'node:buffer';
import { bufferOf, type Held, type Latin1, toLatin1 } from '../codec/held.ts';
import { jsonToMsgpack } from '../codec/json-to-msgpack.ts';
import { msgpackToJson } from '../codec/msgpack-to-json.ts';
import { type TypeIndex, typeOf } from '../key.ts';
import type { Version } from './version.ts';

/** How a value's bytes are to be read. */
export type Encoding = 'json' | 'msgpack';

/** A value's bytes, ready to send. A string holds ASCII JSON. */
export type Body = string | Buffer;

/** A value exactly as it was written: its bytes and how to read them. */
export interface Value {
  readonly encoding: Encoding;
  readonly body: Held;
}

// Above this a string is slower to send than a Buffer, and what a Buffer costs beside its bytes no longer matters.
const STRING_LIMIT_BYTES = 4096;

/** What an entry costs beyond the bytes of its key and value, measured: the object, its version, the map's slot. */
const ENTRY_OVERHEAD_BYTES = 240;

/**
 * Takes a copy of a value's bytes in the form that is cheapest to keep and send. It must be a copy: what
 * comes from a socket is a slice of a chunk, and keeping the slice would keep the whole chunk.
 *
 * Small msgpack and small ASCII JSON become a string on V8's own heap, one byte a character: a Buffer takes 160 bytes
 * more, and a million of them hold up each collection until V8 has looked at every one. uWS sends strings as UTF-8, and
 * ASCII as fast as a Buffer, so small JSON beyond ASCII stays a Buffer, which is sent as it is.
 */
export function keep(encoding: Encoding, bytes: Buffer): Held {
  if (bytes.length <= STRING_LIMIT_BYTES) {
    if (encoding === 'msgpack') return toLatin1(bytes);
    if (isAscii(bytes)) return bytes.toString('latin1');
  }
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/**
 * Deadlines are kept from here, in milliseconds: V8 keeps a whole number from -2^31 to 2^31 in the field itself, and any
 * other in an object of 16 bytes. Beginning at the lower end, that is 49 days; an entry of a process that has run for
 * longer, or one that is to live for longer, takes that more for each of its times.
 */
let epoch = epochOf(Date.now());

function epochOf(start: number): number {
  return start + 2 ** 31;
}

/** Begins that count anew; before there is any entry. For a process that begins with the memory of an older one. */
export function restartEpoch(): void {
  epoch = epochOf(Date.now());
}

/** The header lines of an entry's answers, good for one second. */
export interface Head {
  readonly second: number;
  readonly lines: string;
}

/** A result that carries the entry, encoded as far as it does not change: see `results.ts`. */
export interface Prepared {
  readonly json: string | undefined;
  readonly msgpack: Buffer | undefined;
}

/**
 * One key's value with its version and its deadlines, immutable but for what is derived from it. A cache may hold
 * millions: every field is 8 bytes in each of them.
 */
export class Entry {
  readonly key: string;
  readonly version: Version;
  // They hold `undefined` first, in which V8 learns that anything may come: else one deadline that is no small number
  // would give all entries an object for each of theirs.
  readonly #storedAt: number = undefined as never;
  readonly #expiresAt: number = undefined as never;
  #freshUntil: number = undefined as never;
  /** The value as it was written, and in the other encoding, made on first need. */
  readonly #body: Held;
  #other: Held | undefined;
  /** Its type, its encoding, and whether it is an own one, a bit or more for each. */
  #traits: number;
  /** Written by `http/`, given up by the sweep. */
  head: Head | undefined;
  /** Written by `results.ts`, given up by the sweep. */
  prepared: Prepared | undefined;

  /** @param storedAt, expiresAt milliseconds since the epoch */
  constructor(key: string, value: Value, version: Version, storedAt: number, expiresAt: number) {
    this.key = key;
    this.version = version;
    this.#storedAt = small(storedAt - epoch);
    this.#expiresAt = small(expiresAt - epoch);
    this.#freshUntil = this.#storedAt;
    this.#body = value.body;
    this.#traits = typeOf(key) | (value.encoding === 'json' ? IS_JSON : 0);
  }

  get type(): TypeIndex {
    return this.#traits & TYPE_BITS;
  }

  /** How the value was written. */
  get encoding(): Encoding {
    return (this.#traits & IS_JSON) === 0 ? 'msgpack' : 'json';
  }

  /** When it was written, in milliseconds since the epoch. */
  get storedAt(): number {
    return this.#storedAt + epoch;
  }

  /** When the value is over, in milliseconds since the epoch; it is never served after. */
  get expiresAt(): number {
    return this.#expiresAt + epoch;
  }

  /** When L1 must ask L2 again, in milliseconds since the epoch; set as the entry enters L1. */
  get freshUntil(): number {
    return this.#freshUntil + epoch;
  }

  set freshUntil(at: number) {
    this.#freshUntil = small(at - epoch);
  }

  /** What it takes of L1's byte budget. */
  get bytes(): number {
    return this.key.length + this.#body.length + ENTRY_OVERHEAD_BYTES;
  }

  /** The value as JSON text if that is at hand, without converting. */
  get plainJson(): Body | undefined {
    return ((this.#traits & IS_JSON) === 0 ? this.#other : this.#body) as Body | undefined;
  }

  /** The value as JSON text. @throws NotConvertible where JSON cannot hold it unchanged */
  get json(): Body {
    if (this.encoding === 'json') return this.#body as Body;
    this.#other ??= keep('json', Buffer.from(msgpackToJson(bufferOf(this.#body))));
    return this.#other as Body;
  }

  /** The value as msgpack, ready to send. @throws NotConvertible where msgpack cannot hold it unchanged */
  get msgpack(): Buffer {
    return bufferOf(this.packed);
  }

  /** The value as msgpack, as it is kept. @throws NotConvertible where msgpack cannot hold it unchanged */
  get packed(): Latin1 | Buffer {
    if (this.encoding === 'msgpack') return this.#body as Latin1 | Buffer;
    this.#other ??= keep('msgpack', jsonToMsgpack((this.#body as Body).toString()));
    return this.#other as Latin1 | Buffer;
  }

  /** The value exactly as it was written. */
  get value(): Value {
    return { encoding: this.encoding, body: this.#body };
  }
}

// `Entry`'s traits: three bits of type, one each of the others.
const TYPE_BITS = 0b111;
const IS_JSON = 0b1000;

/** The same number, in the form that V8 keeps without an object of its own where there is one. */
function small(value: number): number {
  return value === (value | 0) ? value | 0 : value;
}
