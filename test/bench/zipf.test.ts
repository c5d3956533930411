import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zipf } from '../../bench/support/zipf.ts';

const KEYS = 1000;
const DRAWS = 200_000;

/** How often each index was drawn, the most frequent first. */
function counts(drawn: Uint32Array): number[] {
  const byIndex = new Float64Array(KEYS);
  for (const index of drawn) byIndex[index]!++;
  return [...byIndex].sort((a, b) => b - a);
}

test('the same seed draws the same keys, and another seed others', () => {
  const one = zipf(KEYS, 100, { seed: 7 });
  assert.deepEqual(zipf(KEYS, 100, { seed: 7 }), one);
  assert.notDeepEqual(zipf(KEYS, 100, { seed: 8 }), one);
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

test('a larger exponent makes the most popular key more popular', () => {
  const [mild] = counts(zipf(KEYS, DRAWS, { exponent: 0.5 }));
  const [steep] = counts(zipf(KEYS, DRAWS, { exponent: 1.5 }));
  assert.ok(steep! > 5 * mild!);
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
