import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart } from './apart.ts';
import { CASES, seedsUntilFound } from './mutants.ts';
import { planOf } from './plan.ts';
import { historyOf } from './report.ts';
import { simulate } from './simulate.ts';

/** Enough seeds for the mutants of `SOON`. `make simulate ARGS=--mutants` runs all mutants. */
const MOST_SEEDS = 150;
const SOON = [
  'an open circuit breaker does not show in the state',
  'flush and invalidate also delete newer values',
  'SWAPDB is not detected',
  'a link that is armed again does not empty L1',
  'a replayed write replaces any value in Redis',
];
const SOON_ON_CLUSTER = [
  'an open circuit breaker does not show in the state',
  'a link that is armed again does not empty L1',
  'a replayed write replaces any value in Redis',
];

for (const name of SOON)
  test(`the simulator finds the defect: ${name}`, async () => {
    const mutantCase = CASES.find((each) => each.name === name)!;
    const found = await apart(() => seedsUntilFound(mutantCase, MOST_SEEDS));
    assert.ok(found !== undefined);
  });

for (const name of SOON_ON_CLUSTER)
  test(`the simulator finds the defect on a Redis Cluster: ${name}`, async () => {
    const mutantCase = CASES.find((each) => each.name === name)!;
    const found = await apart(() => seedsUntilFound(mutantCase, MOST_SEEDS, 'cluster'));
    assert.ok(found !== undefined);
  });

test('every defect is removed after its run', async () => {
  const play = () => apart(() => historyOf(planOf(1), [], simulate(planOf(1))));
  const before = await play();
  for (const each of CASES) {
    await apart(() => seedsUntilFound(each, 1));
    assert.equal(await play(), before);
  }
});
