import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from '../../src/redis/breaker.ts';
import { settled } from '../support/gated-store.ts';

const FAILURES = 3;
const TIMEOUT_MS = 40;

interface Probe {
  /** Redis answers `ms` after it was asked. */
  answer(ms: number): Promise<void>;
  fail(): Promise<void>;
}

/** A breaker whose clock, timers and probes the test controls. */
function breaker() {
  let now = 0;
  const probes: Probe[] = [];
  const changes: boolean[] = [];
  const pauses: { readonly ms: number; readonly over: () => void }[] = [];
  const made = new Breaker(
    { failures: FAILURES, timeoutMs: TIMEOUT_MS },
    {
      probe: () => {
        const start = now;
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        probes.push({
          answer(ms) {
            now = Math.max(now, start + ms);
            resolve();
            return settled();
          },
          fail() {
            reject(new Error('gone'));
            return settled();
          },
        });
        return promise;
      },
      onChange: (open) => changes.push(open),
      now: () => now,
      setTimer: (over, ms) => {
        pauses.push({ ms, over });
        return { unref: () => {} };
      },
    },
  );
  const open = () => {
    for (let i = 0; i < FAILURES; i++) made.failed();
  };
  return { breaker: made, probes, changes, pauses, open, pauseOver: () => pauses.at(-1)!.over() };
}

test('the breaker opens after consecutive failures and reports the change once', () => {
  const { breaker: it, changes } = breaker();
  for (let i = 1; i < FAILURES; i++) it.failed();
  assert.equal(it.open, false);
  it.failed();
  assert.equal(it.open, true);
  for (let i = 0; i < 10; i++) it.failed();
  assert.deepEqual(changes, [true]);
});

test('a success resets the count of failures', () => {
  const { breaker: it, changes } = breaker();
  for (let round = 0; round < 5; round++) {
    for (let i = 1; i < FAILURES; i++) it.failed();
    it.succeeded();
  }
  assert.equal(it.open, false);
  assert.deepEqual(changes, []);
});

test('a success of a command sent before the breaker opened does not close the breaker', () => {
  const { breaker: it, open } = breaker();
  open();
  it.succeeded();
  assert.equal(it.open, true);
});

test('an open breaker probes with pauses that grow to 2 s and stay there', () => {
  const { open, probes, pauses, pauseOver } = breaker();
  open();
  assert.equal(probes.length, 0, 'the breaker must not probe at once');
  for (let attempt = 0; attempt < 30; attempt++) {
    assert.equal(probes.length, attempt);
    const longest = Math.min(50 * 2 ** attempt, 2000);
    const { ms } = pauses.at(-1)!;
    assert.ok(ms >= longest / 2 && ms <= longest, `${ms} of ${longest}`);
    pauseOver();
  }
});

test('a probe answered in time closes the breaker, and the running pause starts no probe', async () => {
  const { breaker: it, open, probes, pauses, pauseOver, changes } = breaker();
  open();
  pauseOver();
  await probes[0]!.answer(TIMEOUT_MS);
  assert.equal(it.open, false);
  assert.deepEqual(changes, [true, false]);
  for (const pause of pauses) pause.over();
  assert.equal(probes.length, 1);
});

test('a failed probe leaves the breaker open, and the next probe follows after the pause', async () => {
  const { breaker: it, open, probes, pauseOver } = breaker();
  open();
  pauseOver();
  await probes[0]!.fail();
  assert.equal(it.open, true);
  assert.equal(probes.length, 1);
  pauseOver();
  assert.equal(probes.length, 2);
});

test('a late answer starts the next probe at once, and an answer in time closes the breaker', async () => {
  const { breaker: it, open, probes, pauseOver } = breaker();
  open();
  pauseOver();
  await probes[0]!.answer(2000);
  assert.equal(it.open, true, 'a late answer proves nothing');
  assert.equal(probes.length, 2);
  await probes[1]!.answer(1);
  assert.equal(it.open, false);
});

test('several late answers start one probe, after the last', async () => {
  const { open, probes, pauseOver } = breaker();
  open();
  for (let i = 0; i < 3; i++) pauseOver();
  for (const probe of probes.slice()) await probe.answer(2000);
  assert.equal(probes.length, 4);
});

test('while Redis stays slow, at most one new probe is in flight', async () => {
  const { breaker: it, open, probes, pauseOver } = breaker();
  open();
  for (let i = 0; i < 3; i++) pauseOver();
  let answered = 0;
  for (let round = 0; round < 50; round++) {
    const out = probes.slice(answered);
    answered = probes.length;
    for (const probe of out) await probe.answer(200);
    assert.ok(probes.length - answered <= 1, `${probes.length - answered} are out`);
  }
  assert.equal(it.open, true);
});

test('a new connection starts a probe without waiting for the pause', async () => {
  const { breaker: it, open, probes } = breaker();
  open();
  it.probeNow();
  assert.equal(probes.length, 1);
  await probes[0]!.answer(1);
  assert.equal(it.open, false);
});

test('a closed breaker does not probe', () => {
  const { breaker: it, probes } = breaker();
  it.probeNow();
  assert.equal(probes.length, 0);
});

test('after closing, the count of failures and the pauses start again', async () => {
  const { breaker: it, open, probes, pauses, pauseOver, changes } = breaker();
  open();
  for (let i = 0; i < 8; i++) pauseOver();
  await probes.at(-1)!.answer(1);
  for (let i = 1; i < FAILURES; i++) it.failed();
  assert.equal(it.open, false);
  it.failed();
  assert.deepEqual(changes, [true, false, true]);
  assert.ok(pauses.at(-1)!.ms <= 50);
});

test('an answer to a probe of an earlier outage does not close the breaker', async () => {
  const { breaker: it, open, probes, pauseOver } = breaker();
  open();
  for (let i = 0; i < 2; i++) pauseOver();
  await probes[1]!.answer(1);
  open();
  await probes[0]!.answer(5000);
  assert.equal(it.open, true);
});
