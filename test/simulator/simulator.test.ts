import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart } from './apart.ts';
import { check } from './checker.ts';
import { testSeeds } from './keeps-promises.ts';
import { planOf } from './plan.ts';
import { historyOf } from './report.ts';
import { simulate } from './simulate.ts';

testSeeds(1, 100);

test('a seed produces the same history twice', async () => {
  const play = (seed: number) =>
    apart(() => {
      const plan = planOf(seed);
      const outcome = simulate(plan);
      return `${historyOf(plan, check(outcome), outcome)}\n${outcome.steps} events`;
    });
  for (let seed = 1; seed <= 20; seed++) assert.equal(await play(seed), await play(seed));
});

test('a simulation restores the clocks and timers of its process', async () => {
  const before = [
    setTimeout,
    setInterval,
    setImmediate,
    clearTimeout,
    Date.now,
    Math.random,
    performance.now,
  ];
  await apart(() => simulate(planOf(1)));
  const after = [setTimeout, setInterval, setImmediate, clearTimeout, Date.now, Math.random, performance.now];
  assert.deepEqual(after, before);
});
