import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { measureGroup } from '../../../bench/suites/measure.ts';
import { awaited, sync } from '../../../bench/suites/suite.ts';

const EFFORT = { rounds: 3, roundMs: 4, warmupMs: 10 };

test('three times the work is three times the reference, and is divided by the operations of a call', async () => {
  // A clock that only the work moves, in milliseconds.
  let now = 0;
  const takes = (ms: number) => (i: number) => {
    now += ms;
    return i;
  };
  const benchmarks = [sync('one', takes(0.001)), sync('three', takes(0.003)), sync('each', takes(0.003), 3)];
  const [one, three, each] = await measureGroup({ benchmarks, reference: 'one' }, EFFORT, () => now);
  near(one!.ratio, 1);
  near(three!.ratio, 3);
  near(each!.ratio, 1);
  near(three!.median, 3000);
  near(three!.p99, 3000);
});

/** Sums of times lose the last digits. */
function near(value: number, expected: number): void {
  assert.ok(Math.abs(value / expected - 1) < 1e-6, `${value} and not ${expected}`);
}

test('an awaited operation is measured to its end', async () => {
  const slow = awaited('slow', async () => {
    const end = performance.now() + 1;
    while (performance.now() < end) await setImmediate();
    return 1;
  });
  const [result] = await measureGroup({ benchmarks: [slow], reference: 'slow' }, EFFORT);
  assert.ok(result!.median >= 0.95e6, `${result!.median} ns`);
});

test('an operation that throws, or that returns no number, fails the measurement', async () => {
  const broken = sync('broken', () => {
    throw new Error('no such entry');
  });
  const careless = sync('careless', () => undefined as unknown as number);
  const measured = (benchmark: typeof broken) =>
    measureGroup({ benchmarks: [benchmark], reference: benchmark.name }, EFFORT);
  await assert.rejects(measured(broken), /no such entry/);
  await assert.rejects(measured(careless), /careless returned no number/);
});
