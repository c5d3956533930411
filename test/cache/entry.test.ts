import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unpack } from 'msgpackr';
import { Entry, keep, type Value } from '../../src/cache/entry.ts';
import type { Origin } from '../../src/cache/origin.ts';
import { NotConvertible } from '../../src/codec/errors.ts';
import { MsgpackWriter } from '../../src/codec/msgpack-write.ts';
import { bufferOf } from '../../src/codec/value-bytes.ts';
import { TYPES } from '../../src/key.ts';
import { NO_VERSION } from '../support/replica.ts';

const NIL = Buffer.from([0xc0]);
const entryOf = (value: Value, key = 'borrow_rate:AAPL') => new Entry(key, value, NO_VERSION, 1000, 2000);

test('small ASCII JSON is stored as a string', () => {
  assert.equal(keep('json', Buffer.from('{"rate":0.05}')), '{"rate":0.05}');
  assert.equal(keep('json', Buffer.alloc(4096, 'x')), 'x'.repeat(4096));
  assert.equal(keep('json', Buffer.alloc(0)), '');
});

test('small msgpack is stored as a string with one character for each byte', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000, size: 'max' }), (bytes) => {
      const kept = keep('msgpack', Buffer.from(bytes));
      assert.equal(typeof kept, bytes.length <= 4096 ? 'string' : 'object');
      assert.equal(kept.length, bytes.length);
      assert.deepEqual(bufferOf(kept), Buffer.from(bytes));
    }),
  );
});

test('JSON beyond ASCII and large values are stored as Buffers', () => {
  for (const [encoding, bytes] of [
    ['json', Buffer.from('"é"')],
    ['json', Buffer.alloc(4097, 'x')],
    ['msgpack', Buffer.alloc(4097, 0x01)],
  ] as const) {
    const kept = keep(encoding, bytes);
    assert.ok(Buffer.isBuffer(kept));
    assert.deepEqual(kept, bytes);
  }
});

test('a stored value is a copy, and does not keep its network chunk alive', () => {
  const chunk = Buffer.alloc(64 * 1024, 0xc0);
  const small = keep('msgpack', chunk.subarray(10, 20));
  const large = keep('msgpack', chunk.subarray(10, 5010)) as Buffer;
  chunk.fill(0);
  assert.deepEqual(bufferOf(small), Buffer.alloc(10, 0xc0));
  assert.deepEqual(large, Buffer.alloc(5000, 0xc0));
  assert.equal(large.buffer.byteLength, 5000);
});

test('an entry counts its key, its value, and what was measured beyond them', () => {
  const key = 'k'.repeat(10);
  const count = (encoding: 'json' | 'msgpack', bytes: Buffer, ...origin: Origin[]) =>
    new Entry(key, { encoding, body: keep(encoding, bytes) }, NO_VERSION, 1000, 2000, ...origin).bytes;
  assert.equal(count('json', Buffer.alloc(100, 'x')), 10 + 100 + 280);
  assert.equal(count('msgpack', Buffer.alloc(4096, 1)), 10 + 4096 + 280);
  assert.equal(count('msgpack', Buffer.alloc(4097, 1)), 10 + 4097 + 280 + 160);
  assert.equal(count('json', Buffer.from('"é"')), 10 + 4 + 280 + 160);
  assert.equal(count('json', Buffer.from('1'), { source: 'feed', asOf: 5 }), 10 + 1 + 280 + 88);
});

test('an entry converts to the other encoding on first use, and caches the conversion', () => {
  const json = entryOf({ encoding: 'json', body: '{"rate":0.05,"n":[1,-2]}' });
  assert.equal(json.json, '{"rate":0.05,"n":[1,-2]}');
  assert.deepEqual(unpack(json.msgpack), { rate: 0.05, n: [1, -2] });
  assert.equal(typeof json.packed, 'string');
  assert.equal(json.packed, json.packed);

  const msgpack = entryOf({ encoding: 'msgpack', body: json.packed });
  assert.equal(msgpack.plainJson, undefined);
  assert.equal(msgpack.json, '{"rate":0.05,"n":[1,-2]}');
  assert.equal(msgpack.plainJson, '{"rate":0.05,"n":[1,-2]}');
  assert.deepEqual(msgpack.msgpack, json.msgpack);
});

test('an entry returns any msgpack bytes unchanged, whether stored as a string or a Buffer', () => {
  const writer = new MsgpackWriter();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000, size: 'max' }), fc.boolean(), (written, asBuffer) => {
      const bytes = Buffer.from(written);
      const entry = entryOf({ encoding: 'msgpack', body: asBuffer ? bytes : keep('msgpack', bytes) });
      assert.deepEqual(entry.msgpack, bytes);
      writer.nil();
      writer.valueBytes(entry.packed);
      writer.nil();
      assert.deepEqual(writer.take(), Buffer.concat([NIL, bytes, NIL]));
    }),
  );
});

test('JSON in a Buffer converts to msgpack as JSON in a string does', () => {
  const text = '{"имя":"🦊"}';
  const entry = entryOf({ encoding: 'json', body: Buffer.from(text) });
  assert.deepEqual(unpack(entry.msgpack), { имя: '🦊' });
  assert.equal(entry.json.toString(), text);
});

test('an entry returns its value exactly as written, also after a conversion', () => {
  const values: Value[] = [
    { encoding: 'json', body: '{ "a" : 1.0 }' },
    { encoding: 'json', body: Buffer.from('"é"') },
    { encoding: 'msgpack', body: Buffer.from([0xcd, 0x00, 0x01]) },
    { encoding: 'msgpack', body: keep('msgpack', Buffer.from([0xcd, 0x00, 0xff])) },
  ];
  for (const value of values) {
    const entry = entryOf(value);
    void entry.json;
    void entry.msgpack;
    assert.equal(entry.encoding, value.encoding);
    assert.equal(entry.value.body, value.body);
    assert.equal(entry.value.encoding, value.encoding);
  }
});

test('a value that the other encoding cannot represent fails every conversion, and stays readable', () => {
  const binary = entryOf({ encoding: 'msgpack', body: Buffer.from([0xc4, 2, 0xff, 0xfe]) });
  assert.throws(() => binary.json, NotConvertible);
  assert.throws(() => binary.json, NotConvertible);
  assert.deepEqual(binary.msgpack, Buffer.from([0xc4, 2, 0xff, 0xfe]));
});

test('a stored value in which a conversion finds an error is refused in the other encoding', () => {
  for (const body of ['{"a":"\\u04"}', 'nope', ''])
    assert.throws(() => entryOf({ encoding: 'json', body }).msgpack, NotConvertible, body);
  for (const body of [Buffer.from([0x82]), Buffer.from([0xc1]), Buffer.alloc(0)])
    assert.throws(() => entryOf({ encoding: 'msgpack', body }).json, NotConvertible);
});

test('an entry has the type of its key and its timestamps', () => {
  const entry = entryOf({ encoding: 'json', body: '1' }, 'min_rate:X');
  assert.equal(TYPES[entry.type], 'min_rate');
  assert.equal(entry.storedAt, 1000);
  assert.equal(entry.expiresAt, 2000);
  assert.equal(entry.version, NO_VERSION);
});
