import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Packr, pack } from 'msgpackr';
import { Malformed } from '../../src/codec/errors.ts';
import { unpackRequest } from '../../src/codec/unpack-request.ts';

const independent = new Packr({ useRecords: false, variableMapSize: true });

/** The request as msgpack, with each `?` replaced by a byte that is invalid in UTF-8. */
function broken(request: object): Buffer {
  return Buffer.from(pack(request).map((byte) => (byte === 0x3f ? 0xff : byte)));
}

test('text that is not valid UTF-8 is refused everywhere, so that no two keys decode to the same text', () => {
  for (const request of [
    { id: 1, key: 'a?' },
    { id: '?' },
    { keys: ['a', 'b', '?'] },
    { entries: [{ key: 'a' }, { key: '?' }] },
    { key: `${'é'.repeat(100)}?` },
  ])
    assert.throws(() => unpackRequest(broken(request)), Malformed);
});

test('the replacement character U+FFFD is accepted as an ordinary character', () => {
  const request = { id: 1, keys: ['a\ufffd', '\ufffd'], '\ufffd': true };
  assert.deepEqual(unpackRequest(pack(request)), request);
});

test('a value may contain any msgpack, including invalid UTF-8, next to the replacement character', () => {
  for (const request of [
    { key: 'a', value: '?' },
    { key: '\ufffd', value: { '?': '?' } },
    { entries: [{ key: '\ufffd', value: ['?'] }] },
  ])
    assert.doesNotThrow(() => unpackRequest(broken(request)));
});

test('an extension or binary outside a value, a name that is not a string, and deep nesting are Malformed', () => {
  const deep = (levels: number) => Buffer.concat([Buffer.alloc(levels, 0x91), Buffer.from([0xc0])]);
  for (const bytes of [
    Buffer.from([0x81, 0xa1, 0x6b, 0xd4, 0x72, 0x40]),
    Buffer.from([0x81, 0xa1, 0x6b, 0xc4, 1, 0]),
    Buffer.from([0x81, 1, 2]),
    Buffer.from([0x81, 0xc0, 2]),
    Buffer.from([0x81, 0x90, 2]),
    Buffer.from([0x91, 0x81, 0xd4, 1, 0, 2]),
    deep(17),
    deep(1_000_000),
  ])
    assert.throws(() => unpackRequest(bytes), Malformed);
  assert.doesNotThrow(() => unpackRequest(deep(16)));
});

test('each value of a batch has the exact bytes that were sent', () => {
  // {"entries": [{"key": "a", "value": float32 1, "ttl": 60}, {"value": uint8 5, "key": "b"}]}
  const body = Buffer.from(
    '81a7656e747269657392' +
      '83a36b6579a161a576616c7565ca3f800000a374746c3c' +
      '82a576616c7565cc05a36b6579a162',
    'hex',
  );
  const { entries } = unpackRequest(body) as {
    entries: { key: string; value: [number, number]; ttl?: number }[];
  };
  assert.deepEqual(
    entries.map(({ key, value, ttl }) => [key, body.subarray(...value).toString('hex'), ttl]),
    [
      ['a', 'ca3f800000', 60],
      ['b', 'cc05', undefined],
    ],
  );
});

test('arrays and maps with 16-bit and 32-bit lengths, and numbers of every width, are decoded', () => {
  for (const count of [16, 65_535, 65_536]) {
    const list = Array.from({ length: count }, (_, i) => i);
    assert.deepEqual(unpackRequest(independent.pack(list)), list);
    const map = Object.fromEntries(list.map((i) => [`k${i}`, i]));
    assert.deepEqual(unpackRequest(independent.pack(map)), map);
  }
  const numbers = [0, 127, 128, 65_535, 2 ** 32, 2 ** 53, -1, -32, -33, -129, -(2 ** 31) - 1, 1.5, 1e300];
  assert.deepEqual(unpackRequest(independent.pack({ numbers, others: [null, true, false, ''] })), {
    numbers,
    others: [null, true, false, ''],
  });
});

test('any bytes are decoded or throw Malformed, and no byte after them is read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const memory = Buffer.alloc(bytes.length + 64, 0xa1);
      memory.set(bytes, 32);
      try {
        unpackRequest(memory.subarray(32, 32 + bytes.length));
      } catch (error) {
        assert.ok(error instanceof Malformed, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a value has the bytes of its last occurrence', () => {
  const bytes = Buffer.concat([
    Buffer.from([0x83, 0xa1, 0x61, 0x01]),
    Buffer.from('\xa5value\xc0', 'latin1'),
    Buffer.from('\xa5value\xd4\x72\x40', 'latin1'),
  ]);
  assert.deepEqual(unpackRequest(bytes), { a: 1, value: [17, 20] });
});
