import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spread, summarize } from '../../bench/support/statistics.ts';
import { median } from '../../loadtest/support/median.ts';

test('the median is the middle, or between the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('the spread of a normal distribution is its standard deviation, as a share of its median', () => {
  // The quantiles of a normal distribution with mean 100 and deviation 5.
  const quantiles = [-1.645, -1.036, -0.674, -0.385, -0.126, 0.126, 0.385, 0.674, 1.036, 1.645];
  assert.ok(Math.abs(spread(quantiles.map((z) => 100 + 5 * z)) - 0.05) < 0.01);
});

test('a summary holds median, 99th percentile and the margin of error of the mean', () => {
  const samples = Array.from({ length: 1000 }, (_, i) => i + 1);
  const summary = summarize(samples);
  assert.equal(summary.median, 500.5);
  assert.equal(summary.p99, 990);
  assert.equal(summary.samples, 1000);
  // 1.96 deviations of the mean: 288.8 / √1000, of 500.5.
  assert.ok(Math.abs(summary.errorPercent - 3.58) < 0.01);
});
