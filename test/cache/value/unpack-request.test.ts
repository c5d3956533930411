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
