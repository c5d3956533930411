import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch } from '../../src/warmup/batch.ts';

test('a record replaces an earlier record with the same key', () => {
  const batch = new Batch();
  assert.equal(batch.add({ key: 'a', json: '1' }, 1), false);
  assert.equal(batch.add({ key: 'b', json: '1' }, 2), false);
  assert.equal(batch.add({ key: 'a', json: '2' }, 3), true);
  assert.deepEqual(batch.records, [
    { key: 'a', json: '2' },
    { key: 'b', json: '1' },
  ]);
  assert.deepEqual(batch.lines, [3, 2]);
});

test('the size is the UTF-8 bytes of keys and values', () => {
  const batch = new Batch();
  batch.add({ key: 'é', json: '"😀"' }, 1);
  assert.equal(batch.bytes, 8);
});

test('a key in both batches is detected', () => {
  const [one, two] = [new Batch(), new Batch()];
  one.add({ key: '__proto__', json: '1' }, 1);
  two.add({ key: 'constructor', json: '1' }, 2);
  assert.equal(one.sharesKeyWith(two), false);
  two.add({ key: '__proto__', json: '1' }, 3);
  assert.equal(one.sharesKeyWith(two), true);
});
