import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart } from './apart.ts';
import { MUTANTS, seedsUntilFound } from './mutants.ts';
import { planOf } from './plan.ts';
import { historyOf } from './report.ts';
import { simulate } from './simulate.ts';

/** Enough for those that are found soon; `make simulate ARGS=--mutants` shows all of them. */
const MOST_SEEDS = 150;
const SOON = [
  'an open circuit breaker does not show in the state',
  'flush and invalidate delete whatever they find',
  'SWAPDB is not noticed',
  'a link that is armed again does not empty L1',
  'a pending write is made in Redis whatever Redis holds',
];

for (const mutant of MUTANTS.filter(({ name }) => SOON.includes(name)))
  test(`the simulator notices that ${mutant.name}`, async () => {
    const found = await apart(() => seedsUntilFound(mutant, MOST_SEEDS));
    assert.ok(found !== undefined);
  });

test('each defect is taken out again', async () => {
  const play = () => apart(() => historyOf(planOf(1), [], simulate(planOf(1))));
  const before = await play();
  for (const mutant of MUTANTS) {
    await apart(() => seedsUntilFound(mutant, 1));
    assert.equal(await play(), before);
  }
});
