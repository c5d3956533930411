import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, LEAST_CHANGE, ratioOf } from '../../bench/support/rule.ts';

const QUIET = { median: 10, spread: 0.01 };

test('a change under the least that counts is the same, in both directions', () => {
  for (const median of [10, 10 * (1 + 0.9 * LEAST_CHANGE), 10 / (1 + 0.9 * LEAST_CHANGE)])
    assert.equal(judge(QUIET, { median, spread: 0.01 }).verdict, 'same');
});

test('a larger one is worsened or improved, where rounds agree', () => {
  const worsened = judge(QUIET, { median: 12, spread: 0.01 });
  assert.equal(worsened.verdict, 'worsened');
  assert.ok(Math.abs(worsened.change! - 0.2) < 1e-12);
  assert.equal(judge(QUIET, { median: 8, spread: 0.01 }).verdict, 'improved');
});

test('it is noise where rounds lie as far apart, be it those of the baseline or of the run', () => {
  const noisy = { median: 10, spread: 0.1 };
  assert.equal(judge(noisy, { median: 13, spread: 0.01 }).verdict, 'noise');
  assert.equal(judge(QUIET, { median: 13, spread: 0.1 }).verdict, 'noise');
  assert.equal(judge(noisy, { median: 8, spread: 0.01 }).verdict, 'noise');
});

test('noise hides no change that is larger than it', () => {
  assert.equal(judge({ median: 10, spread: 0.1 }, { median: 20, spread: 0.1 }).verdict, 'worsened');
  assert.equal(judge({ median: 10, spread: 0.1 }, { median: 5, spread: 0.1 }).verdict, 'improved');
});

test('half the time is as large a change as twice the time', () => {
  const spread = 0.22;
  assert.equal(judge({ median: 10, spread }, { median: 20, spread: 0 }).verdict, 'worsened');
  assert.equal(judge({ median: 10, spread }, { median: 5, spread: 0 }).verdict, 'improved');
});

test('what is on one side only is missing or new, and no change', () => {
  assert.deepEqual(judge(QUIET, undefined), { verdict: 'missing' });
  assert.deepEqual(judge(undefined, QUIET), { verdict: 'new' });
});

test('a few rounds that something disturbed move neither the median nor the spread by much', () => {
  const calm = [10, 10.1, 9.9, 10.05, 9.95, 10.02, 9.98, 10.03, 9.97];
  const { median, spread } = ratioOf([...calm, 40, 55]);
  assert.ok(Math.abs(median - 10) < 0.1);
  assert.ok(spread < 0.02);
  assert.equal(judge(ratioOf(calm), { median, spread }).verdict, 'same');
});
