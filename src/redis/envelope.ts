import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Encoding, Entry, keep, type Value } from '../cache/entry.ts';
import { isInstant, isSource, type Origin, originOf } from '../cache/origin.ts';
import { VERSION_BYTES, type Version } from '../cache/version.ts';
import { member } from '../codec/json-read.ts';
import { validateMsgpack } from '../codec/msgpack-read.ts';
import { bufferOf, copyBytes } from '../codec/value-bytes.ts';

/**
 * The format of a value in Redis: one msgpack array at fixed offsets. Readers, Lua scripts among them, find every field
 * without decoding. A value without an origin has layout 2, an array of seven items:
 *
 *   offset  bytes                what
 *        0  97                   array of 7
 *        1  02                   layout
 *        2  c4 0c + 12           version, bin 8
 *       16  cf + 8               stored at, ms of Redis's clock since the epoch, uint 64
 *       25  cf + 8               expires at, likewise
 *       34  00 to 07             1: the value is msgpack, else JSON; 2: it is compressed with zstd; 4, in layout 3 only: its
 *                                writer called it suspect
 *       35  ce + 4               CRC-32 of the bytes 16 to 34 and of the value's bytes, uint 32. It does not cover the
 *                                version, which the write script may change
 *       40  c6 + 4 + n           the value's bytes, bin 32
 *
 * A value with an origin has layout 3, an array of nine items. It begins with 99 03, and two items follow the flags:
 *
 *   offset  bytes                what
 *       35  cf + 8               as of, ms since the epoch, uint 64; 0 if unknown
 *       44  d9 + 1 + m           source, str 8; empty if unknown
 *     46+m  ce + 4               CRC-32 of the bytes 16 to 45+m and of the value's bytes
 *     51+m  c6 + 4 + n           the value's bytes
 *
 * Processes that do not know layout 3 read such a value as damaged, and count it as unreadable.
 *
 * Layout 1, of version 0.1, begins with 96 01 and has no checksum: the length of its value is at offset 35.
 */
const LEAD = 0x97;
const LAYOUT = 2;
const LEAD_3 = 0x99;
const LAYOUT_3 = 3;
const LEAD_1 = 0x96;
const LAYOUT_1 = 1;
export const VERSION_OFFSET = 4;
const CHECKED_FROM = 16;
const STORED_AT = 17;
const EXPIRES_AT = 26;
const FLAGS = 34;
/** After the flags. Where layout 2 continues with the checksum, layout 3 has the origin first. */
const REST = 35;
const AS_OF = 36;
const SOURCE_LENGTH = 45;
const SOURCE = 46;
/** Bytes of the headers of the checksum and of the value. */
const TAIL = 10;
const VALUE_1 = 40;

const MSGPACK = 1;
const COMPRESSED = 2;
const SUSPECT = 4;

/** The first byte of a value of the predecessor service: `{"value": …, "timestamp": seconds, "source": …}`. */
const OPENING_BRACE = 0x7b;

export interface EnvelopeLimits {
  /** Values larger than this are compressed; 0 for never. */
  readonly compressionThresholdBytes: number;
  /** A stored value that decompresses to more than this is not read. */
  readonly maxValueBytes: number;
}

/**
 * Packs a value for Redis. A value over the threshold is compressed if that makes it smaller.
 * @param storedAt, expiresAt milliseconds since the epoch
 */
export function pack(
  value: Value,
  version: Version,
  storedAt: number,
  expiresAt: number,
  limits: EnvelopeLimits,
  origin?: Origin,
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
  if (origin?.suspect) flags |= SUSPECT;
  const rest = origin === undefined ? REST : SOURCE + (origin.source?.length ?? 0);
  const packed = Buffer.allocUnsafe(rest + TAIL + body.length);
  packed[0] = origin === undefined ? LEAD : LEAD_3;
  packed[1] = origin === undefined ? LAYOUT : LAYOUT_3;
  packed[2] = 0xc4;
  packed[3] = VERSION_BYTES;
  packed.write(version, VERSION_OFFSET, 'hex');
  packed[STORED_AT - 1] = 0xcf;
  writeMs(packed, storedAt, STORED_AT);
  packed[EXPIRES_AT - 1] = 0xcf;
  writeMs(packed, expiresAt, EXPIRES_AT);
  packed[FLAGS] = flags;
  if (origin !== undefined) {
    packed[AS_OF - 1] = 0xcf;
    writeMs(packed, origin.asOf ?? 0, AS_OF);
    packed[SOURCE_LENGTH - 1] = 0xd9;
    packed[SOURCE_LENGTH] = rest - SOURCE;
    packed.write(origin.source ?? '', SOURCE, 'latin1');
  }
  packed[rest] = 0xce;
  packed[rest + 5] = 0xc6;
  packed.writeUInt32BE(body.length, rest + 6);
  copyBytes(body, packed, rest + TAIL);
  packed.writeUInt32BE(checksum(packed, rest), rest + 1);
  return packed;
}

/** @param rest the end of the bytes before the checksum */
function checksum(packed: Buffer, rest: number): number {
  return crc32(packed.subarray(rest + TAIL), crc32(packed.subarray(CHECKED_FROM, rest)));
}

/** Returns where the value begins in an envelope of any layout, or undefined for any other or damaged bytes. */
function valueOffset(packed: Buffer): number | undefined {
  if (packed.length < VALUE_1 || packed[3] !== VERSION_BYTES) return undefined;
  if (packed[0] === LEAD_1 && packed[1] === LAYOUT_1)
    return packed.readUInt32BE(VALUE_1 - 4) === packed.length - VALUE_1 ? VALUE_1 : undefined;
  const rest = restOffset(packed);
  if (rest === undefined || packed.length < rest + TAIL) return undefined;
  if (packed.readUInt32BE(rest + 6) !== packed.length - rest - TAIL) return undefined;
  return packed.readUInt32BE(rest + 1) === checksum(packed, rest) ? rest + TAIL : undefined;
}

/** Returns where the checksum begins in an envelope of layout 2 or 3. */
function restOffset(packed: Buffer): number | undefined {
  if (packed[0] === LEAD && packed[1] === LAYOUT) return REST;
  if (packed[0] === LEAD_3 && packed[1] === LAYOUT_3 && packed.length > SOURCE)
    return SOURCE + packed[SOURCE_LENGTH]!;
  return undefined;
}

/** Returns the origin in an envelope; undefined where it is not valid. */
function originIn(packed: Buffer): { readonly origin: Origin | undefined } | undefined {
  if (packed[0] !== LEAD_3) return NO_ORIGIN;
  const ms = readMs(packed, AS_OF);
  const suspect = (packed[FLAGS]! & SUSPECT) === 0 ? undefined : true;
  const name = packed.toString('latin1', SOURCE, SOURCE + packed[SOURCE_LENGTH]!);
  if ((ms !== 0 && !isInstant(ms)) || (name !== '' && !isSource(name))) return undefined;
  return { origin: originOf(ms === 0 ? undefined : ms, name === '' ? undefined : name, suspect) };
}

const NO_ORIGIN = { origin: undefined };

/** Reads an envelope. Returns undefined where the bytes are not a valid one. The entry has a copy of the value. */
export function unpack(key: string, packed: Buffer, limits: EnvelopeLimits): Entry | undefined {
  const offset = valueOffset(packed);
  if (offset === undefined) return undefined;
  const flags = packed[FLAGS]!;
  if (flags > (packed[0] === LEAD_3 ? MSGPACK | COMPRESSED | SUSPECT : MSGPACK | COMPRESSED))
    return undefined;
  const storedAt = readMs(packed, STORED_AT);
  const expiresAt = readMs(packed, EXPIRES_AT);
  // An answer cannot express a later time.
  if (!Number.isSafeInteger(storedAt) || !Number.isSafeInteger(expiresAt)) return undefined;
  const origin = originIn(packed);
  if (origin === undefined) return undefined;
  const encoding: Encoding = (flags & MSGPACK) === 0 ? 'json' : 'msgpack';
  let bytes = packed.subarray(offset);
  if ((flags & COMPRESSED) !== 0) {
    try {
      bytes = zstdDecompressSync(bytes, { maxOutputLength: limits.maxValueBytes });
    } catch {
      return undefined;
    }
    // zlib decompresses a truncated frame to nothing without an error. An empty value is never compressed.
    if (bytes.length === 0) return undefined;
  }
  // With a checksum no further check is needed: the value is intact, and was validated before it was written.
  if (offset === VALUE_1 && !isValue(encoding, bytes)) return undefined;
  return new Entry(
    key,
    { encoding, body: keep(encoding, bytes) },
    packed.toString('hex', VERSION_OFFSET, VERSION_OFFSET + VERSION_BYTES),
    storedAt,
    expiresAt,
    origin.origin,
  );
}

/** Whether the value of a valid envelope is compressed. */
export function isCompressed(packed: Buffer): boolean {
  return (packed[FLAGS]! & COMPRESSED) !== 0;
}

/** Returns whether the bytes are well formed in this encoding. */
function isValue(encoding: Encoding, bytes: Buffer): boolean {
  try {
    if (encoding === 'msgpack') validateMsgpack(bytes);
    else if (!isUtf8(bytes)) return false;
    else JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

/** Whether these bytes may be a value of the predecessor service, which does not include its deadline. */
export function isLegacy(packed: Buffer): boolean {
  return packed[0] === OPENING_BRACE;
}

/**
 * Reads a value of the predecessor service. Returns undefined where the bytes are not one.
 * @param ttlMs its remaining TTL in Redis, or undefined where the key has no TTL
 * @param typeTtlMs the TTL of its type, counted from its timestamp where the key has no TTL
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
  // A timestamp such as -1e999 would make the age infinite, which a header cannot express.
  const storedAt = Math.min(Math.max(Math.round(timestamp * 1000), 0), now);
  const expiresAt = ttlMs === undefined ? storedAt + typeTtlMs : now + ttlMs;
  const body = keep('json', Buffer.from(text.slice(...span)));
  return new Entry(key, { encoding: 'json', body }, foreignVersion(packed), storedAt, expiresAt);
}

/**
 * Returns the version of a value that another program wrote. It is lower than every stamp, and the same at every
 * replica, because it is a hash of the bytes. `write.lua` computes the same version.
 */
export function foreignVersion(packed: Buffer): Version {
  return '0'.repeat(16) + createHash('sha1').update(packed).digest('hex').slice(0, 8);
}

// Buffer methods write 64-bit integers only as BigInt, which allocates. Milliseconds fit into 53 bits.
function writeMs(buffer: Buffer, ms: number, offset: number): void {
  buffer.writeUInt32BE(Math.floor(ms / 0x1_0000_0000), offset);
  buffer.writeUInt32BE(ms >>> 0, offset + 4);
}

function readMs(buffer: Buffer, offset: number): number {
  return buffer.readUInt32BE(offset) * 0x1_0000_0000 + buffer.readUInt32BE(offset + 4);
}
