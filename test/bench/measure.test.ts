import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { measureGroup } from '../../bench/support/measure.ts';
import { referenceLoop } from '../../bench/support/reference-loop.ts';
import { awaited, peer, prepared, sync } from '../../bench/support/suite.ts';

const EFFORT = { rounds: 3, roundMs: 4, warmupMs: 10, referenceMs: 2 };

/** A clock that only work moves, in milliseconds, and work that takes so long. */
function ownTime() {
  let at = 0;
  const takes = (ms: number) => (i: number) => {
    at += ms;
    return i;
  };
  return { takes, timing: { now: () => at, loop: takes(LOOP_MS) } };
}

const LOOP_MS = 0.001;

test('a benchmark that takes as long as the reference loop is one reference loop', async () => {
  const { takes, timing } = ownTime();
  const benchmarks = [sync('as long', takes(LOOP_MS))];
  const [result] = await measureGroup({ benchmarks }, EFFORT, true, undefined, timing);
  assert.equal(result!.toReferenceLoop.length, EFFORT.rounds);
  for (const ratio of result!.toReferenceLoop) near(ratio, 1);
});

test('three times the work is three times the reference, and is told so an operation', async () => {
  const { takes, timing } = ownTime();
  const three = takes(3 * LOOP_MS);
  const benchmarks = [sync('one', takes(LOOP_MS)), sync('three', three), sync('three, each', three, 3)];
  const group = { benchmarks, reference: 'one' };
  const [one, all, each] = await measureGroup(group, EFFORT, true, undefined, timing);
  near(one!.toReference!, 1);
  near(all!.toReference!, 3);
  near(each!.toReference!, 1);
  near(all!.median, 3e6 * LOOP_MS);
});

/** But for the last digits, which sums of times lose. */
function near(value: number, expected: number): void {
  assert.ok(Math.abs(value / expected - 1) < 1e-6, `${value} and not ${expected}`);
}

test('what is awaited is measured to its end', async () => {
  const slow = awaited('slow', async () => {
    const end = performance.now() + 1;
    while (performance.now() < end) await setImmediate();
    return 1;
  });
  const [result] = await measureGroup({ benchmarks: [slow] }, EFFORT, true);
  assert.ok(result!.median >= 0.95e6, `${result!.median} ns`);
});

test('peers are left out where they are not wanted, with the ratio to them', async () => {
  const benchmarks = [sync('ours', referenceLoop), peer(sync('theirs', referenceLoop))];
  const results = await measureGroup({ benchmarks, reference: 'theirs' }, EFFORT, false);
  assert.deepEqual(
    results.map(({ name, toReference }) => [name, toReference]),
    [['ours', undefined]],
  );
});

test('a benchmark is made ready before its warm-up and before each round', async () => {
  let calls = 0;
  const ready = prepared(() => calls++, sync('ready', referenceLoop));
  await measureGroup({ benchmarks: [ready] }, EFFORT, true);
  assert.equal(calls, 1 + EFFORT.rounds);
});

test('an operation that throws fails the measurement', async () => {
  const broken = sync('broken', () => {
    throw new Error('no such entry');
  });
  await assert.rejects(measureGroup({ benchmarks: [broken] }, EFFORT, true), /no such entry/);
});

test('so does one that gives no number, whose work might have been left out', async () => {
  const careless = sync('careless', () => undefined as unknown as number);
  const results = measureGroup({ benchmarks: [careless] }, EFFORT, true);
  await assert.rejects(results, /careless gave no number/);
});
