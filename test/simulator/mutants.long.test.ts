import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart } from './apart.ts';
import { CASES, seedsUntilFound } from './mutants.ts';
import { planOf, type Topology } from './plan.ts';
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
  'dependents are not compared with their inputs',
  'the order of the link does not count for dependents',
];
const SOON_ON: Partial<Record<Topology, readonly string[]>> = {
  cluster: [
    'an open circuit breaker does not show in the state',
    'a change does not wait for replicas',
    'flush and invalidate also delete newer values',
    'entries of a slot that has moved stay in L1',
    'a deletion by match removes values that were written while it ran',
  ],
  sentinel: [
    'an open circuit breaker does not show in the state',
    'a change does not wait for replicas',
    'the announcement of another master is ignored',
  ],
};

for (const name of SOON)
  test(`the simulator finds the defect: ${name}`, async () => {
    const mutantCase = CASES.find((each) => each.name === name)!;
    const found = await apart(() => seedsUntilFound(mutantCase, MOST_SEEDS));
    assert.ok(found !== undefined);
  });

for (const [topology, names] of Object.entries(SOON_ON))
  for (const name of names)
    test(`${topology}: the simulator finds the defect: ${name}`, async () => {
      const mutantCase = CASES.find((each) => each.name === name)!;
      const found = await apart(() => seedsUntilFound(mutantCase, MOST_SEEDS, topology as Topology));
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
