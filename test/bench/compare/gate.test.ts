import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breaches, LEAST_RATE, MOST_CPU, MOST_INSTRUCTIONS } from '../../../bench/compare/gate.ts';
import { contestant, row, sample } from './results.ts';

const bare = contestant('bare-uws', [sample(0, { perSecond: 100, cpuUs: 1 })]);
const ours = (perSecond: number, cpuUs: number) => contestant('ratecache', [sample(0, { perSecond, cpuUs })]);

test('the gate passes at its limits', () => {
  assert.deepEqual(breaches(row('get', [ours(100 * LEAST_RATE, MOST_CPU), bare])), []);
});

test('the gate fails below the rate, and above the CPU time', () => {
  assert.match(breaches(row('get', [ours(70, 1), bare])).join(), /^get: 0.70 of the rate/);
  assert.match(breaches(row('get', [ours(100, 1.5), bare])).join(), /^get: 1.50 times its CPU/);
});

test('the gate fails where a hit takes more instructions than it may, whatever the rate', () => {
  const counted = (name: string, instructions: number) =>
    contestant(name, [sample(0, { perSecond: 1, cpuUs: 1000, instructions })]);
  const of = (instructions: number) => ({
    ...row('instructions', [counted('ratecache', instructions), counted('bare-uws', 10_000)]),
    columns: 'instructions' as const,
  });
  assert.deepEqual(breaches(of(10_000 * MOST_INSTRUCTIONS)), []);
  assert.match(breaches(of(12_000)).join(), /^instructions: 1.20 times those of bare uWS/);
  const silent = row('instructions', [
    contestant('ratecache', [sample(0)]),
    contestant('bare-uws', [sample(0)]),
  ]);
  assert.match(breaches({ ...silent, columns: 'instructions' }).join(), /Infinity times/);
});

test('the best runs count, of which neighbours spoil none', () => {
  const spoilt = contestant('ratecache', [
    sample(0, { perSecond: 20, cpuUs: 3 }),
    sample(1, { perSecond: 90, cpuUs: 2 }),
    sample(2, { perSecond: 30, cpuUs: 1.1 }),
  ]);
  assert.deepEqual(breaches(row('get', [spoilt, bare])), []);
});

test('a gate without a valid run of each is no gate, and fails', () => {
  const invalid = contestant('ratecache', [sample(0, { faults: ['1 read errors'] })]);
  assert.match(breaches(row('get', [invalid, bare])).join(), /no valid run/);
  const failed = contestant('ratecache', [], { absent: 'failed: it did not start' });
  assert.match(breaches(row('get', [failed, bare])).join(), /it did not start/);
  assert.match(breaches(row('get', [bare])).join(), /not measured/);
});
