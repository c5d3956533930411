import assert from 'node:assert/strict';
import { test } from 'node:test';
import { work } from '../../../bench/clients/work.ts';

const close = async () => {};
/** So long that a busy machine starts all reads meanwhile. */
const MS = 400;
const job = (concurrency: number) => ({ concurrency, ms: MS });

test('as many reads are under way as asked for, each of its own key', async () => {
  const keys = new Set<string>();
  let [open, most] = [0, 0];
  const read = async (key: string) => {
    keys.add(key);
    most = Math.max(most, ++open);
    await new Promise(setImmediate);
    open--;
    return 1;
  };
  const { operations, seconds } = await work({ read, close }, String, job(64));
  assert.equal(most, 64);
  assert.equal(keys.size, operations);
  assert.ok(seconds >= MS / 1000);
});

test('reads from memory let the event loop run, so that heartbeats arrive', async () => {
  let [turns, reads] = [0, 0];
  const timer = setInterval(() => turns++, 1);
  const { operations, p50Us } = await work({ peek: () => ++reads, isLocal: true, close }, String, job(1));
  clearInterval(timer);
  assert.ok(turns > 0);
  assert.equal(operations, reads);
  assert.ok(p50Us > 0);
});

test('a key that is not found, or not found in the near cache, ends the work', async () => {
  await assert.rejects(work({ peek: () => undefined, close }, String, job(1)), /not found/);
  const fromService = {
    read: async () => 'service',
    isFound: (answer: unknown) => answer === 'near-cache',
    close,
  };
  await assert.rejects(work(fromService, String, job(2)), /not found/);
});
