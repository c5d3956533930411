import { crc32, zstdCompressSync } from 'node:zlib';
import { below, pick, type Random } from '../../../loadtest/support/random.ts';
import { keep, type Value } from '../../../src/cache/entry.ts';
import { originOf } from '../../../src/cache/origin.ts';
import { pack } from '../../../src/redis/envelope.ts';
import type { Source } from '../kind.ts';
import { mutate } from './mutate.ts';
import { jsonOf, msgpackOf, oneIn } from './values.ts';

const FLAGS = 34;
const REST = 35;
const SOURCE_LENGTH = 45;
/** Bytes of the checksum, of the length, and of their headers. */
const TAIL = 10;
const VALUE = REST + TAIL;

/** The end of a TTL, in ms, at the edges of what an envelope can express. */
const TIMES = [0, 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER];

export const ENVELOPE_LIMITS = { compressionThresholdBytes: 100, maxValueBytes: 1 << 16 };

/** A stored value: an envelope of either layout, a value of the predecessor, or something else; then damaged. */
export function storedValue(source: Source): Buffer {
  const { random } = source;
  switch (below(8, random)) {
    case 0:
      return mutate(layout1(valid(source)), random);
    case 1:
      return mutate(legacy(source), random, ['"timestamp":', '"value":', '-1e999', '{', 'null']);
    case 2:
      return mutate(jsonOf(source.values.any(random), random), random);
    case 3:
      return bomb(random);
    default:
      return resealed(mutate(valid(source), random), random);
  }
}

function valid({ values, random }: Source): Buffer {
  const model = values.any(random);
  const encoding = pick(['json', 'msgpack'] as const, random);
  const bytes = encoding === 'json' ? jsonOf(model, random) : msgpackOf(model);
  const value: Value = { encoding, body: keep(encoding, bytes) };
  const version = Array.from({ length: 24 }, () => below(16, random).toString(16)).join('');
  const time = () => (oneIn(4, random) ? pick(TIMES, random) : Date.UTC(2100, 0) + below(1e9, random));
  const asOf = pick([undefined, 1, 2 ** 32, 253_402_300_799_999], random);
  const origin = originOf(asOf, pick([undefined, 'a', 'ibkr'], random));
  return pack(value, version, time(), time(), ENVELOPE_LIMITS, origin);
}

/** The same value in layout 1, which has no checksum. */
function layout1(envelope: Buffer): Buffer {
  const old = Buffer.concat([envelope.subarray(0, REST), envelope.subarray(restOf(envelope) + 5)]);
  old[0] = 0x96;
  old[1] = 1;
  return old;
}

function legacy({ values, random }: Source): Buffer {
  const value = jsonOf(values.any(random), random);
  return Buffer.concat([
    Buffer.from('{"value": '),
    value,
    Buffer.from(
      `, "timestamp": ${pick(['0', '1700000000.5', '-1', '1e308', '"a"', 'null'], random)}, "source": "a"}`,
    ),
  ]);
}

/** An envelope whose compressed value is much larger than allowed. */
function bomb(random: Random): Buffer {
  const body = zstdCompressSync(Buffer.alloc(below(1 << 22, random), 0x20));
  const envelope = Buffer.alloc(VALUE + body.length);
  Buffer.from('9702c40c', 'hex').copy(envelope);
  envelope[FLAGS] = 2 + below(2, random);
  body.copy(envelope, VALUE);
  return sealed(envelope);
}

/** Most damaged envelopes get a matching length and checksum, or no reader would look further. */
function resealed(envelope: Buffer, random: Random): Buffer {
  return envelope.length < VALUE || oneIn(3, random) ? envelope : sealed(Buffer.from(envelope));
}

function sealed(envelope: Buffer): Buffer {
  const rest = restOf(envelope);
  if (envelope.length < rest + TAIL) return envelope;
  const value = envelope.subarray(rest + TAIL);
  envelope.writeUInt32BE(value.length, rest + 6);
  envelope.writeUInt32BE(crc32(value, crc32(envelope.subarray(16, rest))), rest + 1);
  return envelope;
}

/** Where the checksum begins. */
function restOf(envelope: Buffer): number {
  return envelope[0] === 0x99 ? SOURCE_LENGTH + 1 + (envelope[SOURCE_LENGTH] ?? 0) : REST;
}
