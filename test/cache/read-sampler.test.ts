import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Entry } from '../../src/cache/entry.ts';
import type { Loaded } from '../../src/cache/loaded.ts';
import { READS_PER_SAMPLE, ReadSampler } from '../../src/cache/read-sampler.ts';

import { settled } from '../support/gated-store.ts';
import { NO_VERSION } from '../support/replica.ts';

const ENTRY = new Entry('k', { encoding: 'json', body: Buffer.from('12345') }, NO_VERSION, 1000, 2000);

test('one read in 64 is drawn on average, and a cycle of 64 keys does not hide any of them', () => {
  const drawn = new Map<string, number>();
  const sampler = new ReadSampler((key) => drawn.set(key, (drawn.get(key) ?? 0) + 1));
  const reads = 640_000;
  for (let i = 0; i < reads; i++) sampler.read(`k:${i % READS_PER_SAMPLE}`, ENTRY);
  const total = [...drawn.values()].reduce((sum, count) => sum + count, 0);
  // The standard deviation is below 1 % of the mean.
  assert.ok(Math.abs(total / (reads / READS_PER_SAMPLE) - 1) < 0.1, `${total} draws`);
  assert.equal(drawn.size, READS_PER_SAMPLE);
});

test('a drawn read has the size of its answer: 0 for none, and undefined if Redis did not answer', async () => {
  const sizesOf = async (answer: Promise<Loaded>) => {
    const sizes = new Set<number | undefined>();
    const sampler = new ReadSampler((_, size) => sizes.add(size));
    for (let i = 0; i < 2 * READS_PER_SAMPLE; i++) assert.equal(sampler.load('k', answer), answer);
    assert.equal(sizes.size, 0, 'not before the answer');
    await answer.catch(() => {});
    await settled();
    return [...sizes];
  };
  assert.deepEqual(await sizesOf(Promise.resolve({ entry: ENTRY, source: 'l2' })), [5]);
  assert.deepEqual(await sizesOf(Promise.resolve({ entry: undefined, source: 'none' })), [0]);
  assert.deepEqual(await sizesOf(Promise.resolve({ entry: undefined, source: 'pending' })), [0]);
  assert.deepEqual(await sizesOf(Promise.resolve({ entry: undefined, source: 'unknown' })), [undefined]);
  assert.deepEqual(await sizesOf(Promise.reject(new Error('broken'))), [undefined]);
});

test('a sampler without a listener accepts reads', () => {
  const sampler = new ReadSampler(undefined);
  for (let i = 0; i < 1000; i++) sampler.read('a', ENTRY);
});
