import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Generator } from '../../loadtest/result.ts';
import { taintsOf } from '../../loadtest/taints.ts';

const CLEAN: Generator = {
  ceilingPerSecond: 40_000,
  cpuShare: 0.3,
  lateP99Us: 300,
  saturated: false,
  otherProgramsShare: 0.1,
};

test('a run without doubts has no taint, also if other programs are unknown', () => {
  assert.deepEqual(taintsOf(CLEAN, 3_000), []);
  assert.deepEqual(taintsOf({ ...CLEAN, otherProgramsShare: null }, 3_000), []);
});

test('other programs that took half a core taint a result', () => {
  assert.deepEqual(taintsOf({ ...CLEAN, otherProgramsShare: 0.5 }, 3_000), [
    'Other programs used 50 % of a measured core. They may have caused tail latency.',
  ]);
});

test('a generator that was late taints a result, before it is the limit', () => {
  assert.match(taintsOf({ ...CLEAN, lateP99Us: 6_000 }, 3_000).join(), /sent 6 ms late \(p99\)/);
});

test('a generator that was the limit taints a result once', () => {
  const [taint, ...others] = taintsOf({ ...CLEAN, lateP99Us: 20_000, saturated: true }, 39_000);
  assert.match(taint!, /The generator was the limit, not the server/);
  assert.deepEqual(others, []);
});

test('a generator that was late below its limits was delayed by the machine, and was not the limit', () => {
  const [taint, ...others] = taintsOf({ ...CLEAN, lateP99Us: 20_000, saturated: true }, 3_000);
  assert.match(
    taint!,
    /The machine delayed the generator, .* 20 ms late \(p99\) .* 3,000\/s of 40,000\/s, and 30 %/,
  );
  assert.doesNotMatch(taint!, /the limit, not the server/);
  assert.deepEqual(others, []);
});
