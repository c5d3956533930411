import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIdle, medianOf, ratioOf } from '../../../bench/compare/ratios.ts';
import { contestant } from './results.ts';

test('a figure is the median of the valid runs', () => {
  const runs = [{ perSecond: 90 }, undefined, { perSecond: 100 }, { perSecond: 110 }];
  assert.equal(medianOf(contestant('a', runs), 'perSecond'), 100);
});

test('a figure without a valid run is undefined, and so is a ratio to it', () => {
  const invalid = contestant('a', [undefined]);
  assert.equal(medianOf(invalid, 'perSecond'), undefined);
  assert.equal(ratioOf(contestant('b', [{ perSecond: 1 }]), invalid, 'perSecond'), undefined);
});

test('a ratio is the median of the ratios within a round, not the ratio of the medians', () => {
  // The machine is twice as slow in the second round, and three times in the third.
  const ours = contestant('ours', [{ perSecond: 8 }, { perSecond: 4.5 }, { perSecond: 3 }]);
  const theirs = contestant('theirs', [{ perSecond: 10 }, { perSecond: 5 }, { perSecond: 30 }]);
  assert.equal(ratioOf(ours, theirs, 'perSecond'), 0.8);
});

test('a round in which either run was invalid has no ratio', () => {
  const ours = contestant('ours', [{ cpuUs: 6 }, { cpuUs: 9 }, undefined]);
  const theirs = contestant('theirs', [{ cpuUs: 4 }, undefined, { cpuUs: 1 }]);
  assert.equal(ratioOf(ours, theirs, 'cpuUs'), 1.5);
});

test('a server that had time to spare is idle, and one that used its core is not', () => {
  assert.deepEqual(
    [0.6, 0.97].map((core) => isIdle(contestant('a', [{ core }]))),
    [true, false],
  );
});
