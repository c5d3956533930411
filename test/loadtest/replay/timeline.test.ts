import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeline, withLead } from '../../../loadtest/replay/timeline.ts';

const LOGGED = [1_000_000, 1_000_100, 1_000_100, 1_002_500, 1_010_000].map((atMs) => ({ atMs }));

/** The requests sent at each tick of a clock that the test moves: at every `stepMs` all that are due. */
function sentBy(
  schedule: { dueAt(n: number): number },
  stepMs: number,
  untilMs: number,
): Record<number, number[]> {
  const sent: Record<number, number[]> = {};
  let n = 0;
  for (let now = 0; now <= untilMs; now += stepMs) {
    const due: number[] = [];
    while (schedule.dueAt(n) <= now) due.push(n++);
    if (due.length > 0) sent[now] = due;
  }
  return sent;
}

test('at speed 1 each request is sent at its logged time after the first', () => {
  assert.deepEqual(sentBy(timeline(LOGGED, 1), 50, 20_000), { 0: [0], 100: [1, 2], 2500: [3], 10000: [4] });
});

test('at speed 10 the requests need a tenth of the time', () => {
  const line = timeline(LOGGED, 10);
  assert.equal(line.lastsMs, 1_000);
  assert.deepEqual(sentBy(line, 10, 2_000), { 0: [0], 10: [1, 2], 250: [3], 1000: [4] });
});

test('a delayed clock sends all requests that became due meanwhile', () => {
  assert.deepEqual(sentBy(timeline(LOGGED, 1), 3_000, 12_000), { 0: [0], 3000: [1, 2, 3], 12000: [4] });
});

test('a lead delays every request by the same time', () => {
  assert.deepEqual(sentBy(withLead(timeline(LOGGED, 10), 500), 10, 2_000), {
    500: [0],
    510: [1, 2],
    750: [3],
    1500: [4],
  });
});

test('the limit is a part of the log, whatever the speed', () => {
  const line = timeline(LOGGED, 10, 2_500);
  assert.deepEqual([line.count, line.lastsMs, line.dueAt(4)], [4, 250, Number.POSITIVE_INFINITY]);
});

test('requests that were logged after the limit are skipped', () => {
  const line = timeline(LOGGED, 1, 2_500);
  assert.deepEqual([line.count, line.lastsMs, line.dueAt(4)], [4, 2_500, Number.POSITIVE_INFINITY]);
});

test('an empty log ends at once', () => {
  const line = timeline([], 1);
  assert.deepEqual([line.count, line.lastsMs, line.dueAt(0)], [0, 0, Number.POSITIVE_INFINITY]);
});

test('a speed outside 1 to 100 is refused', () => {
  for (const speed of [0, 0.5, 101, Number.NaN]) assert.throws(() => timeline(LOGGED, speed), RangeError);
});
