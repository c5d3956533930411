import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMet, measuredFor } from '../../../bench/compare/judge.ts';
import type { Target } from '../../../bench/compare/targets.ts';
import type { Result } from '../../../bench/support/result.ts';
import { contestant, report, row, sample } from './results.ts';

const RATE: Target = {
  what: 'a read',
  against: 'theirs',
  limit: { atLeast: 0.9 },
  measured: { row: 'get', of: 'perSecond', ours: 'ours', theirs: 'theirs' },
};

const reportOf = (ours: object, theirs: object) =>
  report([row('get', [contestant('ours', [sample(0, ours)]), contestant('theirs', [sample(0, theirs)])])]);

test('a target is met from its limit on, in its own direction', () => {
  const ratio = (value: number) => ({ ratio: value, byCpu: false });
  assert.deepEqual(
    [0.9, 0.89].map((value) => isMet(RATE, ratio(value))),
    [true, false],
  );
  const cpu = { ...RATE, limit: { atMost: 1.1 } };
  assert.deepEqual(
    [1.1, 1.11].map((value) => isMet(cpu, ratio(value))),
    [true, false],
  );
});

test('a rate is compared by rates where both servers were the limit', () => {
  const measured = measuredFor(RATE, reportOf({ perSecond: 80, cpuUs: 1 }, { perSecond: 100, cpuUs: 1 }));
  assert.deepEqual(measured, { ratio: 0.8, byCpu: false });
});

test('a rate is compared by CPU where the generator was the limit of either', () => {
  const measured = measuredFor(
    RATE,
    reportOf({ perSecond: 100, cpuUs: 8 }, { perSecond: 100, cpuUs: 4, busy: 0.5 }),
  );
  assert.deepEqual(measured, { ratio: 0.5, byCpu: true });
});

test('what was not measured is neither met nor missed, and says why', () => {
  const absent = contestant('theirs', [], { absent: 'not installed: nginx is missing' });
  const without = report([row('get', [contestant('ours', [sample(0)]), absent])]);
  const invalid = reportOf({ faults: ['1 read errors'] }, {});
  const whys = [without, invalid, report([])].map((each) => measuredFor(RATE, each));
  assert.deepEqual(whys, [
    { missing: 'not installed: nginx is missing' },
    { missing: 'no valid run' },
    { missing: 'not measured' },
  ]);
  assert.equal(isMet(RATE, whys[0]!), undefined);
});

test('microbenchmarks of a group are compared by the ratios of its rounds, others by their medians', () => {
  const result = (group: string, name: string, median: number, toReference?: number) =>
    ({ suite: 's', group, name, median, toReference }) as Result;
  const suites = [result('g', 'peek', 90, 3), result('g', 'Map', 20, 1.5), result('h', 'peek', 180)];
  const ratio = (ours: string, theirs: string) =>
    measuredFor({ ...RATE, measured: { ours, theirs } }, report([], suites));
  assert.deepEqual(ratio('s > g > peek', 's > g > Map'), { ratio: 2, byCpu: false });
  assert.deepEqual(ratio('s > h > peek', 's > g > peek'), { ratio: 2, byCpu: false });
});
