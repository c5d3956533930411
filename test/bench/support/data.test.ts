import assert from 'node:assert/strict';
import { test } from 'node:test';
import { itemsOf, MANY, MEDIUM, SMALL } from '../../../bench/support/data.ts';
import { zipf } from '../../../bench/support/zipf.ts';

test('items have different keys, and values that are JSON of the asked length', () => {
  for (const shape of [SMALL, MEDIUM, MANY]) {
    const items = itemsOf(shape);
    assert.equal(new Set(items.map(({ key }) => key)).size, shape.count);
    for (const { key, value } of items.slice(0, 50)) {
      assert.equal(key.length, items[0]!.key.length);
      assert.equal(Buffer.byteLength(value), shape.bytes);
      JSON.parse(value);
    }
  }
  assert.deepEqual(itemsOf(SMALL), itemsOf(SMALL));
});

test('every run draws the same keys, and popular keys are spread over all', () => {
  const [keys, draws] = [1000, 200_000];
  const drawn = zipf(keys, draws);
  assert.deepEqual(drawn, zipf(keys, draws));
  const counts = new Float64Array(keys);
  for (const index of drawn) counts[index]!++;
  const top = [...counts.keys()].sort((a, b) => counts[b]! - counts[a]!).slice(0, 10);
  assert.ok(Math.max(...top) - Math.min(...top) > keys / 4);
  // Rank r is drawn in proportion to 1 / r ^ 0.99.
  const ratio = counts[top[0]!]! / counts[top[9]!]!;
  assert.ok(ratio > 8 && ratio < 12, `${ratio}`);
});
