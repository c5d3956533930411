import assert from 'node:assert/strict';
import { test } from 'node:test';
import { surplus } from '../../../src/service/supervisor/surplus.ts';

test('no socket is closed while all processes are within a fifth of an even spread', () => {
  assert.deepEqual(surplus([60, 40]), [0, 0]);
  assert.deepEqual(surplus([250, 250, 299, 201]), [0, 0, 0, 0]);
  assert.deepEqual(surplus([0, 0]), [0, 0]);
});

test('a spread as even as whole numbers allow is left alone', () => {
  assert.deepEqual(surplus([1, 0]), [0, 0]);
  assert.deepEqual(surplus([2, 1, 1, 1]), [0, 0, 0, 0]);
});

test('the fullest processes close at most a tenth of their sockets, and at most half of what they have too many', () => {
  assert.deepEqual(surplus([1000, 0]), [100, 0]);
  assert.deepEqual(surplus([62, 38]), [6, 0]);
  assert.deepEqual(surplus([6, 6, 6, 2]), [1, 1, 1, 0]);
});

test('closed sockets whose clients connect to a random process end in an even spread', () => {
  let state = 1;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  for (const [processes, sockets] of [
    [2, 20],
    [4, 20],
    [4, 100],
    [4, 1000],
  ] as const) {
    const spread = [sockets, ...Array.from({ length: processes - 1 }, () => 0)];
    let rounds = 0;
    for (; rounds < 1000; rounds++) {
      const closed = surplus(spread);
      if (closed.every((count) => count === 0)) break;
      for (const [i, count] of closed.entries()) spread[i]! -= count;
      for (const count of closed) for (let n = 0; n < count; n++) spread[random(processes)]!++;
    }
    const even = sockets / processes;
    for (const count of spread) assert.ok(Math.abs(count - even) <= Math.max(1, even * 0.2), spread.join());
  }
});
