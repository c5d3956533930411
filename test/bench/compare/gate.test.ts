import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breaches, LEAST_RATE, MOST_CPU } from '../../../bench/compare/gate.ts';
import type { InstructionLimit } from '../../../bench/compare/row.ts';
import { ROWS } from '../../../bench/compare/rows/index.ts';
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

/** Of a row whose limit is 12,000 instructions, or 1.2 times those of bare uWS, which takes 10,000. */
const breachOf = (counts: readonly number[], limit: InstructionLimit) => {
  const runs = counts.length === 0 ? [{}] : counts.map((instructions) => ({ instructions }));
  const ours = contestant('ratecache', runs);
  const { row, contestants } = result(
    [ours, contestant('bare-uws', [{ instructions: 10_000 }])],
    ['instructions'],
  );
  return breaches({ row: { ...row, limit }, contestants }).join();
};

test('the gate fails where a request takes more instructions than a multiple of those of bare uWS', () => {
  const limit = { atMost: 1.2, against: 'bare-uws' };
  assert.equal(breachOf([12_000], limit), '');
  assert.match(breachOf([12_100], limit), /^get: instructions 1.21 times/);
});

test('the gate fails where a request takes more instructions than a number', () => {
  assert.equal(breachOf([12_000], { atMost: 12_000 }), '');
  assert.equal(breachOf([12_100], { atMost: 12_000 }), 'get: 12100 instructions, more than 12000');
});

test('of several counts the fewest decides', () => {
  assert.equal(breachOf([30_000, 12_000, 15_000], { atMost: 12_000 }), '');
  assert.match(breachOf([30_000, 12_100, 15_000], { atMost: 12_000 }), /^get: 12100 instructions/);
});

test('the gate fails where no instructions were counted', () => {
  for (const limit of [
    { atMost: 1.2, against: 'bare-uws' },
    { atMost: 1.2, against: 'nginx' },
    { atMost: 12_000 },
  ])
    assert.match(breachOf([], limit), /^get: no valid run \(not measured\)/);
});

test('the gate limits the instructions of each kind of request, next to one of its contestants or as a number', () => {
  const limited = ROWS.filter(({ limit }) => limit !== undefined);
  const kinds = ['', '-ws-get', '-ws-mget', '-ws-mget-ids', '-get-l2', '-put'];
  assert.deepEqual(
    limited.map(({ name }) => name),
    kinds.map((kind) => `instructions${kind}`),
  );
  for (const { name, figures, contestants, limit } of limited) {
    assert.deepEqual(figures, ['instructions'], name);
    const { against } = limit!;
    assert.ok(against === undefined || contestants.some((each) => each.name === against), name);
  }
});

test('a gate without a valid run of each server fails', () => {
  assert.match(found(undefined), /no valid run \(3 read errors\)/);
  const absent = contestant('ratecache', [], 'it did not start');
  assert.match(breaches(result([absent, bare])).join(), /no valid run \(it did not start\)/);
  assert.match(breaches(result([bare])).join(), /no valid run \(not measured\)/);
});
