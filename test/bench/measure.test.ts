import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { measureGroup } from '../../bench/support/measure.ts';
import { referenceLoop } from '../../bench/support/reference-loop.ts';
import { awaited, peer, prepared, sync } from '../../bench/support/suite.ts';
import { median } from '../../loadtest/support/median.ts';

const EFFORT = { rounds: 3, roundMs: 4, warmupMs: 10, referenceMs: 2 };

test('the reference loop measured as a benchmark is one reference loop', async () => {
  const [result] = await measureGroup({ benchmarks: [sync('itself', referenceLoop)] }, EFFORT, true);
  assert.equal(result!.toReferenceLoop.length, EFFORT.rounds);
  // Wide, for other tests run on the same cores.
  const ratio = median(result!.toReferenceLoop);
  assert.ok(ratio > 0.5 && ratio < 2, `${ratio}`);
});

test('three times the work is three times the reference, and is told so an operation', async () => {
  const three = (i: number) => referenceLoop(i) + referenceLoop(i + 1) + referenceLoop(i + 2);
  const benchmarks = [sync('one', referenceLoop), sync('three', three), sync('three, each', three, 3)];
  const [one, all, each] = await measureGroup({ benchmarks, reference: 'one' }, EFFORT, true);
  assert.equal(one!.toReference, 1);
  assert.ok(all!.toReference! > 1.5 && all!.toReference! < 6, `${all!.toReference}`);
  assert.ok(each!.toReference! > 0.5 && each!.toReference! < 2, `${each!.toReference}`);
});

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
