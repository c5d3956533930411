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

test('a ratio follows from the medians that the table shows', () => {
  // The paired ratios of the rounds are 0.8, 0.9 and 0.1; their median is not the ratio of the columns.
  const ours = contestant('ours', [{ perSecond: 8 }, { perSecond: 4.5 }, { perSecond: 3 }]);
  const theirs = contestant('theirs', [{ perSecond: 10 }, { perSecond: 5 }, { perSecond: 30 }]);
  assert.equal(ratioOf(ours, theirs, 'perSecond'), 0.45);
});

test('a ratio follows from the medians also where a round of one server was invalid', () => {
  const ours = contestant('ours', [{ cpuUs: 6 }, { cpuUs: 9 }, undefined]);
  const theirs = contestant('theirs', [{ cpuUs: 5 }, undefined, undefined]);
  assert.equal(ratioOf(ours, theirs, 'cpuUs'), 1.5);
});

test('a server that had time to spare is idle, and one that used its core is not', () => {
  assert.deepEqual(
    [0.6, 0.97].map((core) => isIdle(contestant('a', [{ core }]))),
    [true, false],
  );
});
