import assert from 'node:assert/strict';
import { test } from 'node:test';
import { surplusOfHttp, surplusOfLasting } from '../../../src/service/supervisor/surplus.ts';

test('no connection is closed while all processes are within a fifth of an even spread', () => {
  assert.deepEqual(surplusOfLasting([60, 40]), [0, 0]);
  assert.deepEqual(surplusOfLasting([250, 250, 299, 201]), [0, 0, 0, 0]);
  assert.deepEqual(surplusOfLasting([0, 0]), [0, 0]);
});

test('a spread as even as whole numbers allow is left alone', () => {
  assert.deepEqual(surplusOfLasting([1, 0]), [0, 0]);
  assert.deepEqual(surplusOfLasting([2, 1, 1, 1]), [0, 0, 0, 0]);
});

test('the fullest processes close at most a tenth of their sockets, and at most half of what they have too many', () => {
  assert.deepEqual(surplusOfLasting([1000, 0]), [100, 0]);
  assert.deepEqual(surplusOfLasting([62, 38]), [6, 0]);
  assert.deepEqual(surplusOfLasting([6, 6, 6, 2]), [1, 1, 1, 0]);
});

const http = (...reports: [http: number, answers: number, closed?: number][]) =>
  surplusOfHttp(reports.map(([http, answers, closed = 0]) => ({ http, answers, closed })));

test('of HTTP connections, the fullest processes close one, then twice as many, and at most all that they have too many', () => {
  assert.deepEqual(http([40, 4000], [0, 0]), [1, 0]);
  assert.deepEqual(http([40, 4000, 1], [0, 0]), [3, 0]);
  assert.deepEqual(http([38, 4000, 3], [2, 0]), [7, 0]);
  assert.deepEqual(http([40, 4000, 40], [0, 0]), [20, 0]);
  assert.deepEqual(http([30, 3000, 7], [10, 1000]), [8, 0]);
  assert.deepEqual(http([6, 600], [6, 600], [6, 600], [2, 200]), [1, 1, 1, 0]);
  assert.deepEqual(http([60, 6000], [40, 4000]), [0, 0]);
});

test('a process that gives less than its share of the answers closes no HTTP connections', () => {
  assert.deepEqual(http([190, 4000, 9], [10, 6000]), [0, 0]);
  assert.deepEqual(http([190, 5000, 9], [10, 5000]), [0, 0]);
  assert.deepEqual(http([190, 0], [10, 0]), [0, 0]);
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
      const closed = surplusOfLasting(spread);
      if (closed.every((count) => count === 0)) break;
      for (const [i, count] of closed.entries()) spread[i]! -= count;
      for (const count of closed) for (let n = 0; n < count; n++) spread[random(processes)]!++;
    }
    const even = sockets / processes;
    for (const count of spread) assert.ok(Math.abs(count - even) <= Math.max(1, even * 0.2), spread.join());
  }
});
