import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zipf } from '../../bench/support/zipf.ts';
import { seeded } from '../../loadtest/support/random.ts';
import { zipf as ranks } from '../../loadtest/traffic/zipf.ts';

const KEYS = 1000;
const DRAWS = 200_000;

/** How often each index was drawn, the most frequent first. */
function counts(drawn: Uint32Array): number[] {
  const byIndex = new Float64Array(KEYS);
  for (const index of drawn) byIndex[index]!++;
  return [...byIndex].sort((a, b) => b - a);
}

test('every run draws the same keys, those of the runs before it', () => {
  assert.deepEqual([...zipf(KEYS, 8)], [847, 527, 572, 745, 572, 308, 770, 572]);
  assert.deepEqual(zipf(KEYS, 100), zipf(KEYS, 100));
});

test('the same seed draws the same ranks, and another seed others', () => {
  const drawn = (seed: number) => Array.from({ length: 100 }, ranks(KEYS, seeded(seed)));
  assert.deepEqual(drawn(7), drawn(7));
  assert.notDeepEqual(drawn(8), drawn(7));
});

test('every index is below the number of keys, and almost all are drawn', () => {
  const drawn = zipf(KEYS, DRAWS);
  assert.ok(drawn.every((index) => index < KEYS));
  assert.ok(new Set(drawn).size > 0.99 * KEYS);
});

test('the key of rank n is drawn with a probability of 1 / n^0.99', () => {
  const drawn = counts(zipf(KEYS, DRAWS));
  let sum = 0;
  for (let rank = 1; rank <= KEYS; rank++) sum += 1 / rank ** 0.99;
  for (const rank of [1, 2, 5, 10, 50]) {
    const expected = DRAWS / rank ** 0.99 / sum;
    // Four standard deviations of a count.
    assert.ok(Math.abs(drawn[rank - 1]! - expected) < 4 * Math.sqrt(expected), `rank ${rank}`);
  }
});

test('what is popular is not what comes first: the ten most popular keys are spread over all', () => {
  const drawn = zipf(KEYS, DRAWS);
  const byIndex = new Float64Array(KEYS);
  for (const index of drawn) byIndex[index]!++;
  const top = [...byIndex.keys()].sort((a, b) => byIndex[b]! - byIndex[a]!).slice(0, 10);
  assert.ok(Math.max(...top) - Math.min(...top) > KEYS / 4);
});

test('one key is drawn always', () => {
  assert.deepEqual(zipf(1, 3), Uint32Array.of(0, 0, 0));
});
