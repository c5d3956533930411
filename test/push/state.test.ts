import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack, unpack } from 'msgpackr';
import { jsonCodec } from '../../src/push/json-codec.ts';
import { msgpackCodec } from '../../src/push/msgpack-codec.ts';
import { State } from '../../src/push/state.ts';
import { NOW } from '../support/replica.ts';
import { entryOf, versionOf } from './deps.ts';

const KEY = 'borrow_rate:A';
const CODECS = [jsonCodec, msgpackCodec];
const OPENING_BRACE = 0x7b;
const read = (frame: string | Uint8Array) => {
  const bytes = Buffer.from(frame as Uint8Array);
  return bytes[0] === OPENING_BRACE ? JSON.parse(bytes.toString()) : unpack(bytes);
};

test('a state is encoded once for each codec, and every subscriber gets the same bytes', () => {
  const state = new State(KEY, entryOf(KEY, 7, { encoding: 'json', body: '{"rate":1}' }), 'set', 0);
  const [text, bytes] = CODECS.map((codec) => state.frame(codec, true, 0, NOW));
  assert.ok(Buffer.isBuffer(text) && Buffer.isBuffer(bytes));
  // The next frame overwrites the scratch buffer of the codec.
  new State('x', entryOf('x', 8), 'set', 0).frame(msgpackCodec, true, 0, NOW);
  for (let i = 0; i < 3; i++) {
    assert.equal(state.frame(jsonCodec, true, 0, NOW), text);
    assert.equal(state.frame(msgpackCodec, true, 0, NOW), bytes, 'the same object');
  }
  for (const frame of [text!, bytes!])
    assert.deepEqual(read(frame), {
      event: 'update',
      key: KEY,
      version: versionOf(7),
      ttl: 300,
      value: { rate: 1 },
    });
});

test('a subscriber without values receives an invalidation, which is encoded separately', () => {
  const state = new State(KEY, entryOf(KEY, 7), 'set', 0);
  for (const codec of CODECS) {
    const bare = state.frame(codec, false, 0, NOW);
    assert.equal(state.frame(codec, false, 0, NOW), bare);
    assert.notEqual(state.frame(codec, true, 0, NOW), bare);
    assert.deepEqual(read(bare), { event: 'invalidate', key: KEY, reason: 'set' });
  }
});

test('a deleted key is an invalidation for every subscriber', () => {
  const state = new State(KEY, undefined, 'expire', 0);
  for (const codec of CODECS)
    for (const values of [true, false])
      assert.deepEqual(read(state.frame(codec, values, 0, NOW)), {
        event: 'invalidate',
        key: KEY,
        reason: 'expire',
      });
});

test('each frame has the count of merged states of its subscriber', () => {
  const state = new State(KEY, entryOf(KEY, 7), 'set', 2);
  for (const codec of CODECS) {
    assert.equal(read(state.frame(codec, true, 2, NOW)).merged, 2);
    assert.equal(read(state.frame(codec, true, 5, NOW)).merged, 5);
    assert.equal(read(state.frame(codec, true, 2, NOW)).merged, 2);
  }
});

test('a value that one codec cannot represent is an invalidation in that codec and an update in the other', () => {
  const body = pack(new Uint8Array([1, 2]));
  const state = new State(KEY, entryOf(KEY, 7, { encoding: 'msgpack', body }), 'set', 0);
  assert.equal(read(state.frame(jsonCodec, true, 0, NOW)).event, 'invalidate');
  assert.deepEqual(read(state.frame(msgpackCodec, true, 0, NOW)).value, Buffer.from([1, 2]));
});
