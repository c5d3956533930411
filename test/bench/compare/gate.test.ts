import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breaches, LEAST_RATE, MOST_CPU, MOST_INSTRUCTIONS } from '../../../bench/compare/gate.ts';
import { contestant, result } from './results.ts';

const bare = contestant('bare-uws', [{ perSecond: 100, cpuUs: 1 }]);
const found = (...runs: ({ perSecond: number; cpuUs: number } | undefined)[]) =>
  breaches(result([contestant('ratecache', runs), bare])).join();

test('the gate passes at its limits', () => {
  assert.equal(found({ perSecond: 100 * LEAST_RATE, cpuUs: MOST_CPU }), '');
});

test('the gate fails below the rate, and above the CPU time', () => {
  assert.match(found({ perSecond: 70, cpuUs: 1 }), /^get: rate 0.70 times/);
  assert.match(found({ perSecond: 100, cpuUs: 1.5 }), /^get: CPU time 1.50 times/);
});

test('the best runs count, so that other work on the machine fails no gate', () => {
  const runs = [
    { perSecond: 20, cpuUs: 3 },
    { perSecond: 90, cpuUs: 2 },
    { perSecond: 30, cpuUs: 1.1 },
  ];
  assert.equal(found(...runs), '');
});

test('the gate fails where a hit takes too many instructions, or none were counted', () => {
  const of = (instructions?: number) => {
    const ours = contestant('ratecache', [instructions === undefined ? {} : { instructions }]);
    const theirs = contestant('bare-uws', [{ instructions: 10_000 }]);
    return breaches(result([ours, theirs], ['instructions'])).join();
  };
  assert.equal(of(10_000 * MOST_INSTRUCTIONS), '');
  assert.match(of(12_000), /^get: instructions 1.20 times/);
  assert.match(of(), /Infinity times/);
});

test('a gate without a valid run of each server fails', () => {
  assert.match(found(undefined), /no valid run \(3 read errors\)/);
  const absent = contestant('ratecache', [], 'it did not start');
  assert.match(breaches(result([absent, bare])).join(), /no valid run \(it did not start\)/);
  assert.match(breaches(result([bare])).join(), /no valid run \(not measured\)/);
});
