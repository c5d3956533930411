import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lag } from './lag.ts';

const BLOCKED_MS = 50;
/** The interval of the timer, and the next millisecond. */
const UNCOUNTED_MS = 5;

// After a delay Node runs the callbacks of sockets before its timers. So an answer is measured before the timer ran.
test('a delay counts before the timer has run, and once', async (t) => {
  const lag = new Lag();
  t.after(() => lag.stop());
  const from = performance.now();
  while (performance.now() < from + BLOCKED_MS);
  const to = performance.now();
  const counted = lag.within(from, to);
  assert.ok(counted >= BLOCKED_MS - UNCOUNTED_MS, `${counted} ms`);
  await sleep(10);
  assert.ok(lag.within(from, to) >= BLOCKED_MS - UNCOUNTED_MS);
  assert.ok(lag.within(from, to) <= to - from);
});
