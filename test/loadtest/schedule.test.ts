import assert from 'node:assert/strict';
import { test } from 'node:test';
import { staged } from '../../loadtest/pacer/schedule.ts';

/** When all requests are due, in milliseconds. */
function dueTimes(...stages: Parameters<typeof staged>[0]): number[] {
  const { dueAt } = staged(stages);
  const times: number[] = [];
  for (let n = 0; dueAt(n) !== Number.POSITIVE_INFINITY; n++) times.push(dueAt(n));
  return times;
}

test('a ramp sends as many requests as its mean rate, and more of them in its second half', () => {
  const times = dueTimes({ seconds: 10, from: 0, to: 200 });
  assert.equal(times.length, 1000);
  assert.equal(times.filter((at) => at < 5_000).length, 250);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});

test('a falling ramp sends more requests in its first half', () => {
  const times = dueTimes({ seconds: 10, from: 200, to: 0 });
  assert.equal(times.length, 1000);
  assert.equal(times.filter((at) => at < 5_000).length, 750);
});

test('a spike lasts as long as its stage, and a stage of 0 sends nothing', () => {
  const times = dueTimes(
    { seconds: 1, from: 100, to: 100 },
    { seconds: 0.5, from: 1000, to: 1000 },
    { seconds: 1, from: 0, to: 0 },
    { seconds: 1, from: 100, to: 100 },
  );
  const between = (from: number, to: number) => times.filter((at) => at >= from && at < to).length;
  assert.deepEqual(
    [between(0, 1000), between(1000, 1500), between(1500, 2500), between(2500, 3500)],
    [100, 500, 0, 100],
  );
});
