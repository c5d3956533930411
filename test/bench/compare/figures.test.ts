import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIdle, medianOf, ratioOf } from '../../../bench/compare/figures.ts';
import { contestant, sample } from './results.ts';

test('a figure is the median of the runs in which nothing went wrong', () => {
  const samples = [90, 500, 100, 110].map((perSecond, round) =>
    sample(round, { perSecond, faults: round === 1 ? ['3 read errors'] : [] }),
  );
  assert.equal(medianOf(contestant('a', samples), 'perSecond'), 100);
});

test('where no run was valid, or none has the figure, there is none', () => {
  const invalid = contestant('a', [sample(0, { faults: ['2 answers that are not 2xx'] })]);
  const valid = contestant('b', [sample(0)]);
  assert.equal(medianOf(invalid, 'perSecond'), undefined);
  assert.equal(medianOf(valid, 'p99Us'), undefined);
  assert.equal(ratioOf(valid, invalid, 'perSecond'), undefined);
});

test('a ratio is the median of the ratios within a round, not the ratio of the medians', () => {
  // The machine is twice as slow in the second round, and three times in the third.
  const ours = contestant(
    'ours',
    [8, 4.5, 3].map((perSecond, round) => sample(round, { perSecond })),
  );
  const theirs = contestant(
    'theirs',
    [10, 5, 30].map((perSecond, round) => sample(round, { perSecond })),
  );
  assert.equal(ratioOf(ours, theirs, 'perSecond'), 0.8);
});

test('rounds in which either was invalid have no ratio, whatever the order of the runs', () => {
  const ours = contestant('ours', [
    sample(0, { cpuUs: 6 }),
    sample(1, { cpuUs: 9 }),
    sample(2, { cpuUs: 5, faults: ['1 timeout errors'] }),
  ]);
  const theirs = contestant('theirs', [
    sample(2, { cpuUs: 1 }),
    sample(1, { cpuUs: 3, faults: ['1 read errors'] }),
    sample(0, { cpuUs: 4 }),
  ]);
  assert.equal(ratioOf(ours, theirs, 'cpuUs'), 1.5);
});

test('a server that had time to spare is told from one that was the limit', () => {
  const busy = (share: number) => contestant('a', [sample(0, { busy: share })]);
  assert.equal(isIdle(busy(0.6)), true);
  assert.equal(isIdle(busy(0.97)), false);
});
