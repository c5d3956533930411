import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Encoding, Entry, keep, type Value } from '../cache/entry.ts';
import { bufferOf, copyHeld } from '../cache/value/held.ts';
import { member } from '../cache/value/json-read.ts';
import { VERSION_BYTES, type Version } from '../cache/version.ts';

/**
 * What a value looks like in Redis: one msgpack array of six, at fixed offsets, so that a reader (a Lua script
 * too) finds every field without decoding.
 *
 *   offset  bytes                what
 *        0  96                   array of 6
 *        1  01                   layout, always 1
 *        2  c4 0c + 12           version, bin 8
 *       16  cf + 8               stored at, ms since the epoch, uint 64
 *       25  cf + 8               expires at, ms since the epoch, uint 64
 *       34  00 to 03             1: the value is msgpack, else JSON; 2: it is compressed with zstd
 *       35  c6 + 4 + n           the value's bytes, bin 32
 */
const LEAD = 0x96;
const LAYOUT = 1;
export const VERSION_OFFSET = 4;
const STORED_AT = 17;
const EXPIRES_AT = 26;
const FLAGS = 34;
const LENGTH = 36;
const VALUE = 40;

const MSGPACK = 1;
const COMPRESSED = 2;

/** How the service this one replaces wrote: `{"value": …, "timestamp": seconds, "source": …}`. */
const OPENING_BRACE = 0x7b;

export interface EnvelopeLimits {
  /** Values larger than this are compressed; 0 for never. */
  readonly compressionThresholdBytes: number;
  /** No stored value may unfold to more than this. */
  readonly maxValueBytes: number;
}

/**
 * Packs a value for Redis. It is compressed where it is over the threshold and compression makes it smaller.
 * @param storedAt, expiresAt milliseconds since the epoch
 */
export function pack(
  value: Value,
  version: Version,
  storedAt: number,
  expiresAt: number,
  limits: EnvelopeLimits,
): Buffer {
  let { body } = value;
  let flags = value.encoding === 'msgpack' ? MSGPACK : 0;
  if (limits.compressionThresholdBytes > 0 && body.length > limits.compressionThresholdBytes) {
    const compressed = zstdCompressSync(bufferOf(body));
    if (compressed.length < body.length) {
      body = compressed;
      flags |= COMPRESSED;
    }
  }
  const packed = Buffer.allocUnsafe(VALUE + body.length);
  packed[0] = LEAD;
  packed[1] = LAYOUT;
  packed[2] = 0xc4;
  packed[3] = VERSION_BYTES;
  packed.write(version, VERSION_OFFSET, 'hex');
  packed[STORED_AT - 1] = 0xcf;
  writeMs(packed, storedAt, STORED_AT);
  packed[EXPIRES_AT - 1] = 0xcf;
  writeMs(packed, expiresAt, EXPIRES_AT);
  packed[FLAGS] = flags;
  packed[LENGTH - 1] = 0xc6;
  packed.writeUInt32BE(body.length, LENGTH);
  copyHeld(body, packed, VALUE);
  return packed;
}

/**
 * Reads an envelope back, or undefined if these bytes are none. The entry holds a copy of the value.
 */
export function unpack(key: string, packed: Buffer, limits: EnvelopeLimits): Entry | undefined {
  if (
    packed.length < VALUE ||
    packed[0] !== LEAD ||
    packed[1] !== LAYOUT ||
    packed[3] !== VERSION_BYTES ||
    packed.readUInt32BE(LENGTH) !== packed.length - VALUE
  )
    return undefined;
  const flags = packed[FLAGS]!;
  if (flags > (MSGPACK | COMPRESSED)) return undefined;
  const encoding: Encoding = (flags & MSGPACK) === 0 ? 'json' : 'msgpack';
  let bytes = packed.subarray(VALUE);
  if ((flags & COMPRESSED) !== 0) {
    try {
      bytes = zstdDecompressSync(bytes, { maxOutputLength: limits.maxValueBytes });
    } catch {
      return undefined;
    }
    // zlib takes a frame that was cut short for one that unfolds to nothing, and nothing is never compressed.
    if (bytes.length === 0) return undefined;
  }
  return new Entry(
    key,
    { encoding, body: keep(encoding, bytes) },
    packed.toString('hex', VERSION_OFFSET, VERSION_OFFSET + VERSION_BYTES),
    readMs(packed, STORED_AT),
    readMs(packed, EXPIRES_AT),
  );
}

/** Whether these bytes may be a value of the predecessor, which carries no deadline of its own. */
export function isLegacy(packed: Buffer): boolean {
  return packed[0] === OPENING_BRACE;
}

/**
 * Reads a value of the predecessor, or undefined if these bytes are none.
 * @param ttlMs what Redis says is left of it, or undefined where Redis holds it without a deadline
 * @param typeTtlMs what its type allows, counted from its timestamp where Redis has no deadline
 */
export function unpackLegacy(
  key: string,
  packed: Buffer,
  ttlMs: number | undefined,
  typeTtlMs: number,
  now: number,
): Entry | undefined {
  if (!isUtf8(packed)) return undefined;
  const text = packed.toString();
  let timestamp: unknown;
  try {
    timestamp = JSON.parse(text).timestamp;
  } catch {
    return undefined;
  }
  const span = member(text, 0, 'value');
  if (typeof timestamp !== 'number' || span === undefined) return undefined;
  const storedAt = Math.min(Math.round(timestamp * 1000), now);
  const expiresAt = ttlMs === undefined ? storedAt + typeTtlMs : now + ttlMs;
  const body = keep('json', Buffer.from(text.slice(...span)));
  return new Entry(key, { encoding: 'json', body }, foreignVersion(packed), storedAt, expiresAt);
}

/**
 * The version of what was not written by this service: older than every stamp, and the same at every replica,
 * since it is made from the bytes. The write script computes the same.
 */
export function foreignVersion(packed: Buffer): Version {
  return '0'.repeat(16) + createHash('sha1').update(packed).digest('hex').slice(0, 8);
}

// Buffers write 64-bit integers only as BigInt, which allocates; milliseconds fit into 53 bits.
function writeMs(buffer: Buffer, ms: number, offset: number): void {
  buffer.writeUInt32BE(Math.floor(ms / 0x1_0000_0000), offset);
  buffer.writeUInt32BE(ms >>> 0, offset + 4);
}

function readMs(buffer: Buffer, offset: number): number {
  return buffer.readUInt32BE(offset) * 0x1_0000_0000 + buffer.readUInt32BE(offset + 4);
}
