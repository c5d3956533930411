import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Profile } from '../../loadtest/profile.ts';
import { measure } from '../../loadtest/run-profile.ts';
import { isSaturated, wasDelayed } from '../../loadtest/saturation.ts';
import { startConstantServer } from '../../loadtest/target/start-constant-server.ts';

const EASY = { ceilingPerSecond: 40_000, cpuShare: 0.3, lateP99Us: 300 };

test('a generator below its limits is not saturated', () => {
  assert.equal(isSaturated(EASY, 3000), false);
});

test('a generator is saturated if its core is full, its ceiling is near, or it is late', () => {
  assert.equal(isSaturated({ ...EASY, cpuShare: 0.95 }, 3000), true);
  assert.equal(isSaturated(EASY, 38_000), true);
  assert.equal(isSaturated({ ...EASY, lateP99Us: 10_000 }, 3000), true);
  assert.equal(isSaturated({ ...EASY, ceilingPerSecond: 0 }, 3000), true);
});

test('a late generator was delayed only if its core and its ceiling were not the limit', () => {
  const late = { ...EASY, lateP99Us: 10_000 };
  assert.equal(wasDelayed(late, 3000), true);
  assert.equal(wasDelayed(EASY, 3000), false);
  assert.equal(wasDelayed(late, 38_000), false);
  assert.equal(wasDelayed({ ...late, cpuShare: 0.95 }, 3000), false);
});

test('a run at a rate above the generator’s ceiling is marked and fails, whatever the server does', async (t) => {
  const profile: Profile = {
    name: 'too-fast',
    question: 'Is the generator the limit?',
    load: { kind: 'open', connections: 16, ratePerSecond: 500_000, warmupSeconds: 0, seconds: 0.3 },
    data: { symbols: 10, types: [] },
    traffic: { kind: 'mix', over: 'http', parts: [{ op: 'get', share: 1, draw: 'uniform' }] },
    gates: [],
  };
  const server = await startConstantServer(profile);
  t.after(() => server.stop());
  const target = { port: server.port, stop: async () => {} };
  const { generator, gates, verdict } = await measure(profile, target, {
    seed: 1,
    ceilingMs: 200,
    timeoutMs: 500,
  });
  assert.equal(generator.saturated, true);
  assert.equal(gates.find(({ gate }) => gate === 'generator')?.verdict, 'fail');
  assert.equal(verdict, 'fail');
  assert.ok(generator.ceilingPerSecond > 0);
});
