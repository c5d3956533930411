import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { crc32, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { unpack as decode } from 'msgpackr';
import { keep, type Value } from '../../src/cache/entry.ts';
import { originOf } from '../../src/cache/origin.ts';
import { isVersion } from '../../src/cache/version.ts';
import { bufferOf } from '../../src/codec/value-bytes.ts';
import {
  type EnvelopeLimits,
  foreignVersion,
  isLegacy,
  pack,
  unpack,
  unpackLegacy,
  VERSION_OFFSET,
} from '../../src/redis/envelope.ts';
import { NO_VERSION } from '../support/replica.ts';

const KEY = 'borrow_rate:AAPL';
const VERSION = '018bcfe56800002a0000000f';
const STORED_AT = 1_700_000_000_123;
const EXPIRES_AT = 1_700_000_300_123;
const PLAIN: EnvelopeLimits = { compressionThresholdBytes: 0, maxValueBytes: 1 << 20 };
const COMPRESSING: EnvelopeLimits = { ...PLAIN, compressionThresholdBytes: 100 };
const VALUE_OFFSET = 45;
const FLAGS_OFFSET = 34;
const CHECKSUM_OFFSET = 36;

const packed = (value: Value, limits = PLAIN) => pack(value, VERSION, STORED_AT, EXPIRES_AT, limits);
const AS_OF = 1_699_999_999_007;
const withOrigin = (value: Value, asOf: number | undefined, source: string | undefined) =>
  pack(value, VERSION, STORED_AT, EXPIRES_AT, PLAIN, originOf(asOf, source));

/** Sets the matching checksum in an envelope that was changed. */
function sealed(bytes: Buffer): Buffer {
  const checksum = crc32(bytes.subarray(VALUE_OFFSET), crc32(bytes.subarray(16, 35)));
  bytes.writeUInt32BE(checksum, CHECKSUM_OFFSET);
  return bytes;
}

/** The same value in layout 1, which version 0.1 wrote. */
function layout1(value: Value): Buffer {
  const bytes = packed(value);
  const old = Buffer.concat([bytes.subarray(0, 35), bytes.subarray(40)]);
  old[0] = 0x96;
  old[1] = 1;
  return old;
}

const anyValue = fc
  .tuple(
    fc.constantFrom('json', 'msgpack'),
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ minLength: 4000, maxLength: 5000, size: 'max' }),
      // A body that compresses well.
      fc.tuple(fc.nat(255), fc.nat(9000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
    ),
  )
  .map(([encoding, written]) => {
    const bytes = Buffer.from(written);
    const value: Value = { encoding, body: keep(encoding, bytes) };
    return { value, bytes };
  });

const anyMs = fc.oneof(
  fc.integer({ min: 0, max: 4_102_444_800_000 }),
  fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
);

test('any bytes, encoding, version and deadlines survive packing and unpacking', () => {
  fc.assert(
    fc.property(
      anyValue,
      fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('hex')),
      anyMs,
      anyMs,
      fc.constantFrom(PLAIN, COMPRESSING),
      fc.option(fc.integer({ min: 1, max: 253_402_300_799_999 }), { nil: undefined }),
      fc.option(fc.constantFrom('ibkr', 'a', 'A.b_c-9', 'x'.repeat(64)), { nil: undefined }),
      ({ value, bytes }, version, storedAt, expiresAt, limits, asOf, source) => {
        const origin = originOf(asOf, source);
        const entry = unpack(KEY, pack(value, version, storedAt, expiresAt, limits, origin), limits)!;
        assert.deepEqual(entry.origin, origin);
        assert.deepEqual(entry.value, value);
        assert.deepEqual(bufferOf(entry.value.body), bytes);
        assert.equal(entry.version, version);
        assert.equal(entry.storedAt, storedAt);
        assert.equal(entry.expiresAt, expiresAt);
        assert.equal(entry.type, 0);
      },
    ),
    { numRuns: 500 },
  );
});

test('an envelope is a msgpack array of seven elements', () => {
  const [layout, version, storedAt, expiresAt, flags, checksum, value, ...rest] = decode(
    packed({ encoding: 'json', body: '{"rate":0.05}' }),
  );
  assert.equal(layout, 2);
  assert.equal(version.toString('hex'), VERSION);
  assert.equal(Number(storedAt), STORED_AT);
  assert.equal(Number(expiresAt), EXPIRES_AT);
  assert.equal(flags, 0);
  assert.ok(Number.isInteger(checksum));
  assert.equal(value.toString(), '{"rate":0.05}');
  assert.deepEqual(rest, []);
  assert.equal(decode(packed({ encoding: 'msgpack', body: Buffer.from([0x01]) }))[4], 1);
  assert.equal(decode(packed({ encoding: 'json', body: 'x'.repeat(1000) }, COMPRESSING))[4], 2);
});

test('every field is at its documented offset', () => {
  const bytes = packed({ encoding: 'msgpack', body: Buffer.from([0xc3]) });
  assert.equal(bytes.length, VALUE_OFFSET + 1);
  assert.deepEqual([...bytes.subarray(0, 4)], [0x97, 0x02, 0xc4, 0x0c]);
  assert.equal(VERSION_OFFSET, 4);
  assert.equal(bytes.toString('hex', 4, 16), VERSION);
  assert.equal(bytes[16], 0xcf);
  assert.equal(bytes.readBigUInt64BE(17), BigInt(STORED_AT));
  assert.equal(bytes[25], 0xcf);
  assert.equal(bytes.readBigUInt64BE(26), BigInt(EXPIRES_AT));
  assert.equal(bytes[FLAGS_OFFSET], 1);
  assert.equal(bytes[35], 0xce);
  assert.equal(
    bytes.readUInt32BE(CHECKSUM_OFFSET),
    crc32(Buffer.concat([bytes.subarray(16, 35), Buffer.from([0xc3])])),
  );
  assert.equal(bytes[40], 0xc6);
  assert.equal(bytes.readUInt32BE(41), 1);
  assert.equal(bytes[VALUE_OFFSET], 0xc3);
});

test('an envelope with an origin is a msgpack array of nine elements', () => {
  const value: Value = { encoding: 'json', body: '{"rate":0.05}' };
  const bytes = withOrigin(value, AS_OF, 'ibkr');
  const [layout, version, storedAt, expiresAt, flags, asOf, source, checksum, body, ...rest] = decode(bytes);
  assert.deepEqual([layout, version.toString('hex'), flags, source], [3, VERSION, 0, 'ibkr']);
  assert.deepEqual([storedAt, expiresAt, asOf].map(Number), [STORED_AT, EXPIRES_AT, AS_OF]);
  assert.equal(body.toString(), '{"rate":0.05}');
  assert.deepEqual(rest, []);
  assert.deepEqual([...bytes.subarray(0, 4)], [0x99, 0x03, 0xc4, 0x0c]);
  assert.equal(bytes.readBigUInt64BE(36), BigInt(AS_OF));
  assert.equal(bytes.toString('latin1', 46, 50), 'ibkr');
  assert.equal(checksum, crc32(Buffer.concat([bytes.subarray(16, 50), Buffer.from('{"rate":0.05}')])));
});

test('damage to an origin, or a truncated envelope with one, is unreadable', () => {
  const bytes = withOrigin({ encoding: 'json', body: '1' }, AS_OF, 'ibkr');
  for (let length = 0; length < bytes.length; length++)
    assert.equal(unpack(KEY, bytes.subarray(0, length), PLAIN), undefined, String(length));
  for (let at = 35; at < 50; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 0x01;
    assert.equal(unpack(KEY, damaged, PLAIN), undefined, `byte ${at}`);
  }
});

test('an origin that an answer cannot express makes an envelope unreadable', () => {
  const value: Value = { encoding: 'json', body: '1' };
  for (const [asOf, source] of [
    [253_402_300_800_000, 'ibkr'],
    [AS_OF, 'a b'],
    [AS_OF, 'a"b'],
    [AS_OF, 'x'.repeat(65)],
  ] as const)
    assert.equal(unpack(KEY, withOrigin(value, asOf, source), PLAIN), undefined, `${asOf} ${source}`);
});

test('entries with the same origin share one object', () => {
  const [one, two] = [1, 2].map((n) =>
    unpack(KEY, withOrigin({ encoding: 'json', body: `${n}` }, AS_OF, 'ibkr'), PLAIN),
  );
  assert.equal(one!.origin, two!.origin);
});

test('only a value larger than the threshold is compressed', () => {
  const size = (length: number) => packed({ encoding: 'json', body: 'x'.repeat(length) }, COMPRESSING).length;
  assert.equal(size(100), VALUE_OFFSET + 100);
  assert.ok(size(101) < VALUE_OFFSET + 101);
});

test('a threshold of zero compresses nothing', () => {
  assert.equal(packed({ encoding: 'json', body: 'x'.repeat(5000) }).length, VALUE_OFFSET + 5000);
});

test('a value that compression does not make smaller stays uncompressed', () => {
  const body = randomBytes(5000);
  const bytes = packed({ encoding: 'msgpack', body }, COMPRESSING);
  assert.equal(bytes[FLAGS_OFFSET], 1);
  assert.deepEqual(bytes.subarray(VALUE_OFFSET), body);
});

test('a reader with any threshold reads a compressed value', () => {
  const value: Value = { encoding: 'json', body: `"${'x'.repeat(1000)}"` };
  assert.deepEqual(unpack(KEY, packed(value, COMPRESSING), PLAIN)!.value, value);
});

test('a compressed value larger than the limit is unreadable', () => {
  const bomb = packed({ encoding: 'json', body: Buffer.alloc(64 << 20) }, COMPRESSING);
  assert.ok(bomb.length < 100_000);
  assert.equal(unpack(KEY, bomb, COMPRESSING), undefined);
  const limit = { ...COMPRESSING, maxValueBytes: 1000 };
  assert.ok(unpack(KEY, packed({ encoding: 'json', body: 'x'.repeat(1000) }, COMPRESSING), limit));
  assert.equal(
    unpack(KEY, packed({ encoding: 'json', body: 'x'.repeat(1001) }, COMPRESSING), limit),
    undefined,
  );
});

test('a truncated or extended envelope is unreadable', () => {
  for (const limits of [PLAIN, COMPRESSING]) {
    const bytes = packed({ encoding: 'json', body: `"${'abc'.repeat(200)}"` }, limits);
    for (let length = 0; length < bytes.length; length++)
      assert.equal(unpack(KEY, bytes.subarray(0, length), limits), undefined, String(length));
    assert.equal(unpack(KEY, Buffer.concat([bytes, Buffer.alloc(1)]), limits), undefined);
  }
});

test('a truncated compressed value in a whole envelope is unreadable', () => {
  const whole = zstdCompressSync(Buffer.from(`"${'abc'.repeat(200)}"`));
  for (const cut of [0, 1, 5, whole.length - 1]) {
    const bytes = packed({ encoding: 'json', body: whole.subarray(0, cut) });
    bytes[FLAGS_OFFSET] = 2;
    assert.equal(unpack(KEY, sealed(bytes), PLAIN), undefined, `${cut} of ${whole.length} bytes`);
  }
});

test('unknown flags make an envelope unreadable', () => {
  for (const flags of [4, 5, 0x7f, 0xff]) {
    const bytes = packed({ encoding: 'json', body: '1' });
    bytes[FLAGS_OFFSET] = flags;
    assert.equal(unpack(KEY, sealed(bytes), PLAIN), undefined);
  }
});

test('a time that an answer cannot express makes an envelope of either layout unreadable', () => {
  for (const offset of [17, 26])
    for (const time of [2n ** 53n, 2n ** 64n - 1n]) {
      const value: Value = { encoding: 'json', body: '1' };
      const [bytes, old] = [packed(value), layout1(value)];
      for (const each of [bytes, old]) each.writeBigUInt64BE(time, offset);
      assert.equal(unpack(KEY, sealed(bytes), PLAIN), undefined);
      assert.equal(unpack(KEY, old, PLAIN), undefined);
    }
});

test('unpacking random bytes or damaged envelopes never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.equal(unpack(KEY, Buffer.from(bytes), PLAIN), undefined);
    }),
  );
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(anyValue, damage, ({ value }, hits) => {
      const bytes = packed(value, COMPRESSING);
      for (const [at, byte] of hits) bytes[at % bytes.length] = byte;
      const entry = unpack(KEY, bytes, COMPRESSING);
      if (entry !== undefined) assert.ok(isVersion(entry.version));
    }),
    { numRuns: 500 },
  );
});

test('damage outside the version makes an envelope unreadable', () => {
  const bytes = packed({ encoding: 'json', body: '{"rate":0.05}' });
  for (let at = 0; at < bytes.length; at++) {
    if (at >= 4 && at < 16) continue;
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 0x01;
    // These three name the type of a field at a fixed offset, and no reader needs them.
    if (![2, 35, 40].includes(at)) assert.equal(unpack(KEY, damaged, PLAIN), undefined, `byte ${at}`);
  }
});

test('an envelope whose version the write script changed is readable', () => {
  const bytes = packed({ encoding: 'json', body: '1' });
  bytes.write('018bcfe56800002b0000000f', VERSION_OFFSET, 'hex');
  assert.equal(unpack(KEY, bytes, PLAIN)!.version, '018bcfe56800002b0000000f');
});

test('an envelope in layout 1 is readable', () => {
  const values: Value[] = [
    { encoding: 'json', body: '{"rate":0.05}' },
    { encoding: 'msgpack', body: keep('msgpack', Buffer.from([0x81, 0xa1, 0x61, 0xc3])) },
  ];
  for (const value of values) {
    const entry = unpack(KEY, layout1(value), PLAIN)!;
    assert.deepEqual(entry.value, value);
    assert.deepEqual([entry.version, entry.storedAt, entry.expiresAt], [VERSION, STORED_AT, EXPIRES_AT]);
  }
});

test('a malformed value in layout 1, which has no checksum, is unreadable', () => {
  const malformed: Value[] = [
    { encoding: 'json', body: '{"rate":' },
    { encoding: 'json', body: '' },
    { encoding: 'json', body: keep('json', Buffer.from([0x22, 0xff, 0x22])) },
    { encoding: 'msgpack', body: keep('msgpack', Buffer.from([0x81, 0xa1])) },
    { encoding: 'msgpack', body: keep('msgpack', Buffer.from([0xc1])) },
  ];
  for (const value of malformed) assert.equal(unpack(KEY, layout1(value), PLAIN), undefined);
});

test('an entry does not share memory with the envelope', () => {
  const bytes = packed({ encoding: 'msgpack', body: Buffer.from([0xc3]) });
  const entry = unpack(KEY, bytes, PLAIN)!;
  bytes.fill(0);
  assert.deepEqual(entry.msgpack, Buffer.from([0xc3]));
});

const legacy = (text: string | Buffer, ttlMs?: number, now = STORED_AT) =>
  unpackLegacy(KEY, Buffer.from(text as string), ttlMs, 300_000, now);

test('a legacy value keeps every byte of its text', () => {
  for (const value of [
    '{"rate": 5.00e-2, "n": 12345678901234567890, "list": [1, 2 ,3]}',
    '"caf\\u00e9 \\"}\\""',
    '"ü🦊"',
    'null',
    '-0.0',
    '[]',
    '"timestamp"',
  ]) {
    for (const text of [
      `{"value": ${value}, "timestamp": 1699999999.5, "source": "api"}`,
      `{"source":"api","timestamp":1699999999.5,"value":${value}}`,
      `{ "timestamp" : 1699999999.5 ,\n "value" : ${value} }`,
      `{"meta": {"value": 7, "timestamp": 8}, "value": ${value}, "timestamp": 1699999999.5}`,
    ]) {
      assert.ok(isLegacy(Buffer.from(text)));
      const entry = legacy(text, 1000)!;
      assert.equal(entry.json.toString(), value);
      assert.equal(entry.storedAt, 1_699_999_999_500);
      assert.equal(entry.encoding, 'json');
    }
  }
});

test('of a repeated member the last counts, as in Python', () => {
  assert.equal(legacy('{"value": 1, "timestamp": 1, "value": 2}', 1000)!.json, '2');
});

test('a legacy value expires with the TTL of its Redis key', () => {
  assert.equal(legacy('{"value": 1, "timestamp": 1600000000}', 1234)!.expiresAt, STORED_AT + 1234);
});

test('a legacy value without a TTL in Redis expires after the TTL of its type, counted from its timestamp', () => {
  const entry = legacy('{"value": 1, "timestamp": 1699999990.123}')!;
  assert.equal(entry.storedAt, 1_699_999_990_123);
  assert.equal(entry.expiresAt, 1_699_999_990_123 + 300_000);
});

test('a timestamp in the future counts as now', () => {
  for (const timestamp of ['1800000000', '1e300']) {
    const entry = legacy(`{"value": 1, "timestamp": ${timestamp}}`)!;
    assert.equal(entry.storedAt, STORED_AT);
    assert.equal(entry.expiresAt, STORED_AT + 300_000);
  }
});

test('a timestamp before 1970 counts as 1970', () => {
  for (const timestamp of ['-1', '-1e300', '-1e999']) {
    const text = `{"value": 1, "timestamp": ${timestamp}}`;
    assert.equal(legacy(text, 1000)!.storedAt, 0, 'the TTL of the Redis key counts');
    assert.equal(
      legacy(text)!.expiresAt,
      300_000,
      'without a TTL in Redis the TTL of the type counts from 1970',
    );
  }
});

test('text that is not a legacy value is unreadable, and nothing throws', () => {
  for (const text of [
    '{',
    '{}',
    '{"value": 1',
    '{"value": 1}',
    '{"timestamp": 1}',
    '{"value": NaN, "timestamp": 1}',
    '{"value": 1, "timestamp": "1700000000"}',
    '{"value": 1, "timestamp": null}',
    '{"val": 1, "timestamp": 1}',
    '{"nested": {"value": 1}, "timestamp": 1}',
    '{"value": 1, "timestamp": 1} x',
    '{"value": {"timestamp": 1}}',
  ])
    assert.equal(legacy(text, 1000), undefined, text);
});

test('a legacy value that is not UTF-8 is unreadable, because its text could not be kept', () => {
  const text = Buffer.from('{"value": "caf\u00e9", "timestamp": 1}', 'latin1');
  assert.equal(legacy(text, 1000), undefined);
});

test('reading a damaged legacy value never throws', () => {
  const text = '{"value": {"rate": 0.05, "x": ["a", null]}, "timestamp": 1700000000, "source": "api"}';
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(text.length - 1), fc.nat(255)), { maxLength: 4 }), (hits) => {
      const bytes = Buffer.from(text);
      for (const [at, byte] of hits) bytes[at] = byte;
      const entry = legacy(bytes, 1000);
      if (entry !== undefined) JSON.parse(entry.json.toString());
    }),
    { numRuns: 1000 },
  );
});

test('a foreign version depends on the bytes and is older than every stamp', () => {
  const version = foreignVersion(Buffer.from('a'));
  assert.ok(isVersion(version));
  assert.equal(version, foreignVersion(Buffer.from('a')));
  assert.notEqual(version, foreignVersion(Buffer.from('b')));
  assert.ok(version < VERSION);
  assert.ok(version > NO_VERSION);
});
