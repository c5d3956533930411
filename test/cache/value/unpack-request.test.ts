import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack } from 'msgpackr';
import { Malformed } from '../../../src/cache/value/errors.ts';
import { unpackRequest } from '../../../src/cache/value/unpack-request.ts';

/** The request as msgpack, with each `?` in it a byte that no UTF-8 has. */
function broken(request: object): Buffer {
  return Buffer.from(pack(request).map((byte) => (byte === 0x3f ? 0xff : byte)));
}

test('a text that is not UTF-8 is refused wherever it stands, for two of them would be one', () => {
  for (const request of [
    { id: 1, key: 'a?' },
    { id: '?' },
    { keys: ['a', 'b', '?'] },
    { entries: [{ key: 'a' }, { key: '?' }] },
    { key: `${'é'.repeat(100)}?` },
  ])
    assert.throws(() => unpackRequest(broken(request)), Malformed);
});

test('the character that stands for such bytes is one like any other', () => {
  const request = { id: 1, keys: ['a\ufffd', '\ufffd'], '\ufffd': true };
  assert.deepEqual(unpackRequest(pack(request)), request);
});

test('a value may hold whatever msgpack does, beside that character too', () => {
  for (const request of [
    { key: 'a', value: '?' },
    { key: '\ufffd', value: { '?': '?' } },
    { entries: [{ key: '\ufffd', value: ['?'] }] },
  ])
    assert.doesNotThrow(() => unpackRequest(broken(request)));
});

test('an extension or binary outside a value, a name that is no string, and deep nesting are Malformed', () => {
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

test('a value is the span of its bytes, of several the last', () => {
  const bytes = Buffer.concat([
    Buffer.from([0x83, 0xa1, 0x61, 0x01]),
    Buffer.from('\xa5value\xc0', 'latin1'),
    Buffer.from('\xa5value\xd4\x72\x40', 'latin1'),
  ]);
  assert.deepEqual(unpackRequest(bytes), { a: 1, value: [17, 20] });
});
