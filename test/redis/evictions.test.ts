import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Redis } from 'ioredis';
import { Counters } from '../../src/metrics/counters.ts';
import { Evictions } from '../../src/redis/evictions.ts';

/** A connection whose INFO the test answers. */
function fake(evicted = 0) {
  const state = { evicted, asked: 0, fault: undefined as Error | undefined, now: 0 };
  const ready: (() => void)[] = [];
  const redis = {
    status: 'ready',
    on: (_event: string, listener: () => void) => ready.push(listener),
    info: async () => {
      state.asked++;
      if (state.fault) throw state.fault;
      return `# Stats\r\nevicted_keys:${state.evicted}\r\n`;
    },
  };
  const evictions = new Evictions(redis as unknown as Redis, new Counters(), { now: () => state.now });
  return { state, evictions, reconnect: () => ready.forEach((listener) => void listener()) };
}

test('keys that were given up before anybody looked do not count', async () => {
  const { state, evictions } = fake(1000);
  await evictions.underWay();
  state.now += 100;
  assert.equal(await evictions.underWay(), false);
});

test('a count that has moved is a yes, which holds for a second in which nothing is asked', async () => {
  const { state, evictions } = fake();
  assert.equal(await evictions.underWay(), false);
  state.evicted = 1;
  state.now += 100;
  assert.equal(await evictions.underWay(), true);
  const { asked } = state;
  for (let i = 0; i < 9; i++) {
    state.now += 100;
    assert.equal(await evictions.underWay(), true);
  }
  assert.equal(state.asked, asked);
  state.now += 100;
  assert.equal(await evictions.underWay(), false);
  assert.equal(state.asked, asked + 1);
});

test('many at once are one question', async () => {
  const { state, evictions } = fake();
  await evictions.underWay();
  state.now += 100;
  state.evicted = 1;
  const { asked } = state;
  assert.deepEqual(
    await Promise.all(Array.from({ length: 100 }, () => evictions.underWay())),
    Array(100).fill(true),
  );
  assert.equal(state.asked, asked + 1);
});

test('a Redis that does not answer is a no, and one that came back counts from its own beginning', async () => {
  const { state, evictions, reconnect } = fake(50);
  await evictions.underWay();
  state.fault = new Error('away');
  state.now += 2000;
  assert.equal(await evictions.underWay(), false);
  state.fault = undefined;
  state.evicted = 0;
  reconnect();
  state.now += 2000;
  assert.equal(await evictions.underWay(), false);
  state.evicted = 1;
  state.now += 2000;
  assert.equal(await evictions.underWay(), true);
});
