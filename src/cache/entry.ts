import { isAscii } from 'node:buffer';
import { Malformed, NotConvertible } from '../codec/errors.ts';
import { jsonToMsgpack } from '../codec/json-to-msgpack.ts';
import { msgpackToJson } from '../codec/msgpack-to-json.ts';
import { bufferOf, type Latin1, toLatin1, type ValueBytes } from '../codec/value-bytes.ts';
import { type TypeIndex, typeOf } from '../key.ts';
import type { Origin } from './origin.ts';
import type { Version } from './version.ts';

/** The encoding of a value's bytes. */
export type Encoding = 'json' | 'msgpack';

/** A value's bytes, ready to send. A string is ASCII JSON. */
export type Body = string | Buffer;

/** A value exactly as it was written: its bytes and their encoding. */
export interface Value {
  readonly encoding: Encoding;
  readonly body: ValueBytes;
}

// Above this size a string is slower to send than a Buffer, and the fixed cost of a Buffer no longer matters.
const STRING_LIMIT_BYTES = 4096;

/** The measured memory of an entry beyond its key and value, in a map that evicts: the object, its version, the slot. */
const ENTRY_OVERHEAD_BYTES = 280;

/** What a Buffer takes in addition to a string of as many bytes. */
const BUFFER_BYTES = 160;

/** The memory of an origin: the object, its time, and the name. Entries that share an origin count it each. */
const ORIGIN_BYTES = 88;

/**
 * Copies a value's bytes into the form that is cheapest to store and send. A copy is necessary: bytes from a socket are
 * a slice of a chunk, and storing the slice would keep the whole chunk in memory.
 *
 * Small msgpack and small ASCII JSON become a string on V8's heap with one byte for each character. A Buffer would take
 * 160 bytes more, and a million Buffers slow down every garbage collection, which visits each. uWS sends strings as
 * UTF-8, and ASCII strings as fast as Buffers. Small JSON beyond ASCII therefore stays a Buffer.
 */
export function keep(encoding: Encoding, bytes: Buffer): ValueBytes {
  if (bytes.length <= STRING_LIMIT_BYTES) {
    if (encoding === 'msgpack') return toLatin1(bytes);
    if (isAscii(bytes)) return bytes.toString('latin1');
  }
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/**
 * Entries store their times relative to this instant, in milliseconds. V8 stores an integer from -2^31 to 2^31 in the
 * field itself, and any other number in a separate object of 16 bytes. The epoch puts the start of the process at the
 * lower end of this range, which covers 49 days. Later times work too, but each takes the 16 bytes.
 */
let epoch = epochOf(Date.now());

function epochOf(start: number): number {
  return start + 2 ** 31;
}

/** Sets the epoch to now. A process that starts from a heap snapshot calls it before the first entry exists. */
export function restartEpoch(): void {
  epoch = epochOf(Date.now());
}

/** The header lines of an entry's answers, valid for one second. */
export interface Head {
  readonly second: number;
  readonly lines: string;
}

/** The encoded result with this entry, without the part that changes with time: see `results.ts`. */
export interface Prepared {
  readonly json: string | undefined;
  readonly msgpack: Buffer | undefined;
}

/**
 * The value of one key with its version and its deadlines. It is immutable, except for data that is derived from it. L1
 * may have millions of entries, and each field takes 8 bytes in every one.
 */
export class Entry {
  readonly key: string;
  readonly version: Version;
  // The initial `undefined` makes V8 treat these fields as "any value". Otherwise the first time outside the small
  // range would change the type of the fields. Every entry would then need a separate object for each time.
  readonly #storedAt: number = undefined as never;
  readonly #expiresAt: number = undefined as never;
  #freshUntil: number = undefined as never;
  /** The value as it was written. */
  readonly #body: ValueBytes;
  /** The value in the other encoding, made on first need. */
  #other: ValueBytes | undefined;
  /** Bits: the type, the encoding, whether the key has a `%`, whether the value is suspect, and the slot. */
  #traits: number;
  readonly origin: Origin | undefined;
  /** Set by `http/`, dropped by the sweep. */
  head: Head | undefined;
  /** Set by `results.ts`, dropped by the sweep. */
  prepared: Prepared | undefined;

  /** @param storedAt, expiresAt milliseconds since the epoch */
  constructor(
    key: string,
    value: Value,
    version: Version,
    storedAt: number,
    expiresAt: number,
    origin?: Origin,
  ) {
    this.key = key;
    this.version = version;
    this.#storedAt = small(storedAt - epoch);
    this.#expiresAt = small(expiresAt - epoch);
    this.#freshUntil = this.#storedAt;
    this.#body = value.body;
    this.origin = origin;
    this.#traits =
      typeOf(key) |
      (value.encoding === 'json' ? IS_JSON : 0) |
      (key.includes('%') ? HAS_PERCENT : 0) |
      (origin?.suspect ? IS_SUSPECT : 0);
  }

  get type(): TypeIndex {
    return this.#traits & TYPE_BITS;
  }

  get encoding(): Encoding {
    return (this.#traits & IS_JSON) === 0 ? 'msgpack' : 'json';
  }

  /** Whether the key contains `%`, so that a path with exactly these characters names another key. */
  get hasPercent(): boolean {
    return (this.#traits & HAS_PERCENT) !== 0;
  }

  /** Whether its writer called the value suspect. */
  get isSuspect(): boolean {
    return (this.#traits & IS_SUSPECT) !== 0;
  }

  /** Whether a reader must look at `hasPercent` and `isSuspect`. */
  get needsCare(): boolean {
    return (this.#traits & (HAS_PERCENT | IS_SUSPECT)) !== 0;
  }

  /** The slot of the key in L2. L1 sets it when it stores the entry. */
  get slot(): number {
    return this.#traits >> SLOT_SHIFT;
  }

  set slot(slot: number) {
    this.#traits = (this.#traits & ((1 << SLOT_SHIFT) - 1)) | (slot << SLOT_SHIFT);
  }

  /** When the value was written, in milliseconds since 1970. */
  get storedAt(): number {
    return this.#storedAt + epoch;
  }

  /** When the data is from, in milliseconds since 1970: the time that its writer named, else when it was written. */
  get from(): number {
    return this.origin?.asOf ?? this.storedAt;
  }

  /** When the value expires, in milliseconds since 1970. It is never served after that. */
  get expiresAt(): number {
    return this.#expiresAt + epoch;
  }

  /** When L1 must ask L2 again, in milliseconds since 1970. L1 sets it when it stores the entry. */
  get freshUntil(): number {
    return this.#freshUntil + epoch;
  }

  set freshUntil(at: number) {
    this.#freshUntil = small(at - epoch);
  }

  /** The share of L1's byte budget that the entry takes. */
  get bytes(): number {
    const buffer = typeof this.#body === 'string' ? 0 : BUFFER_BYTES;
    const origin = this.origin === undefined ? 0 : ORIGIN_BYTES;
    return this.key.length + this.#body.length + ENTRY_OVERHEAD_BYTES + buffer + origin;
  }

  /** The value as JSON text if it exists already; undefined where it would have to be converted. */
  get plainJson(): Body | undefined {
    return ((this.#traits & IS_JSON) === 0 ? this.#other : this.#body) as Body | undefined;
  }

  /** The value as JSON text. @throws NotConvertible where JSON cannot represent it exactly */
  get json(): Body {
    if (this.encoding === 'json') return this.#body as Body;
    this.#other ??= converted(() => keep('json', Buffer.from(msgpackToJson(bufferOf(this.#body)))));
    return this.#other as Body;
  }

  /** The value as msgpack, ready to send. @throws NotConvertible where msgpack cannot represent it exactly */
  get msgpack(): Buffer {
    return bufferOf(this.packed);
  }

  /** The value as msgpack, in its stored form. @throws NotConvertible where msgpack cannot represent it exactly */
  get packed(): Latin1 | Buffer {
    if (this.encoding === 'msgpack') return this.#body as Latin1 | Buffer;
    this.#other ??= converted(() => keep('msgpack', jsonToMsgpack((this.#body as Body).toString())));
    return this.#other as Latin1 | Buffer;
  }

  get value(): Value {
    return { encoding: this.encoding, body: this.#body };
  }
}

/**
 * Runs a conversion. Another program may have stored bytes that are not well formed, with a matching checksum. Readers of
 * the other encoding then receive a refusal, as for a value that cannot be converted.
 */
function converted(convert: () => ValueBytes): ValueBytes {
  try {
    return convert();
  } catch (error) {
    throw error instanceof Malformed
      ? new NotConvertible(`the stored value is damaged: ${error.message}`)
      : error;
  }
}

// The bits of `#traits`.
const TYPE_BITS = 0b111;
const IS_JSON = 0b1000;
const HAS_PERCENT = 0b10000;
const IS_SUSPECT = 0b100000;
const SLOT_SHIFT = 6;

/** Returns the same number, as a 32-bit integer where possible, which V8 stores without a separate object. */
function small(value: number): number {
  return value === (value | 0) ? value | 0 : value;
}
