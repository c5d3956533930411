import assert from 'node:assert/strict';
import { test } from 'node:test';
import { READS_PER_SAMPLE, ReadSampler } from '../../src/cache/read-sampler.ts';

test('one read in 64 is drawn on average, and a cycle of 64 keys does not hide any of them', () => {
  const drawn = new Map<string, number>();
  const sampler = new ReadSampler((key) => drawn.set(key, (drawn.get(key) ?? 0) + 1));
  const reads = 640_000;
  for (let i = 0; i < reads; i++) sampler.read(`k:${i % READS_PER_SAMPLE}`);
  const total = [...drawn.values()].reduce((sum, count) => sum + count, 0);
  // The standard deviation is below 1 % of the mean.
  assert.ok(Math.abs(total / (reads / READS_PER_SAMPLE) - 1) < 0.1, `${total} draws`);
  assert.equal(drawn.size, READS_PER_SAMPLE);
});

test('a sampler without a listener accepts reads', () => {
  const sampler = new ReadSampler(undefined);
  for (let i = 0; i < 1000; i++) sampler.read('a');
});
