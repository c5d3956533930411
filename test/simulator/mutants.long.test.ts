import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart } from './apart.ts';
import { CASES, seedsUntilFound } from './mutants.ts';
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

for (const name of SOON)
  test(`the simulator notices that ${name}`, async () => {
    const mutantCase = CASES.find((each) => each.name === name)!;
    const found = await apart(() => seedsUntilFound(mutantCase, MOST_SEEDS));
    assert.ok(found !== undefined);
  });

test('each defect is taken out again', async () => {
  const play = () => apart(() => historyOf(planOf(1), [], simulate(planOf(1))));
  const before = await play();
  for (const each of CASES) {
    await apart(() => seedsUntilFound(each, 1));
    assert.equal(await play(), before);
  }
});
