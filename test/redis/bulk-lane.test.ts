import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BULK_TIMEOUT_MS, BulkLane, type Sender } from '../../src/redis/bulk-lane.ts';
import { settled } from '../support/gated-store.ts';

const KIB = 1024;

/** A lane whose clock and answers the test controls. */
function lane() {
  let now = 0;
  let others = Promise.resolve() as Promise<unknown>;
  const slices: {
    readonly items: string[];
    readonly leftMs: number;
    readonly answer: () => Promise<void>;
  }[] = [];
  const expired: string[] = [];
  const made = new BulkLane({ others: () => others, now: () => now });
  const sender = (most = 100): Sender<string> => ({
    most,
    send: (items, leftMs) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const answer = () => {
        resolve();
        return settled();
      };
      slices.push({ items, leftMs, answer });
      return promise;
    },
    expire: (item) => expired.push(item),
  });
  return {
    lane: made,
    slices,
    expired,
    sender,
    items: () => slices.map(({ items }) => items),
    wait: (ms: number) => {
      now += ms;
    },
    blockedBy: (promise: Promise<unknown>) => {
      others = promise;
    },
  };
}

test('large values are sent in slices of 1 MiB, each after the answer to the previous slice', async () => {
  const { lane: it, slices, sender, items } = lane();
  const reads = sender();
  for (const key of ['a', 'b', 'c', 'd', 'e']) it.add(key, 500 * KIB, key, reads);
  await settled();
  assert.deepEqual(items(), [['a', 'b']]);
  await slices[0]!.answer();
  assert.deepEqual(items(), [
    ['a', 'b'],
    ['c', 'd'],
  ]);
  await slices[1]!.answer();
  await slices[2]!.answer();
  assert.equal(it.idle, true);
});

test('a value larger than a slice is sent alone', async () => {
  const { lane: it, sender, items } = lane();
  const reads = sender();
  it.add('a', 5000 * KIB, 'a', reads);
  it.add('b', 100 * KIB, 'b', reads);
  await settled();
  assert.deepEqual(items(), [['a']]);
});

test('a slice has at most the number of items that its sender allows', async () => {
  const { lane: it, sender, items } = lane();
  const reads = sender(3);
  for (const key of ['a', 'b', 'c', 'd']) it.add(key, 0, key, reads);
  await settled();
  assert.deepEqual(items(), [['a', 'b', 'c']]);
});

test('reads and writes of a key are sent in order', async () => {
  const { lane: it, slices, sender, items } = lane();
  const [reads, writes] = [sender(), sender()];
  it.add('k', 0, 'read 1', reads);
  it.add('k', 0, 'write', writes);
  it.add('k', 0, 'read 2', reads);
  await settled();
  for (let i = 0; i < 3; i++) await slices[i]!.answer();
  assert.deepEqual(items(), [['read 1'], ['write'], ['read 2']]);
});

test('a key stays in the lane until all its commands are answered', async () => {
  const { lane: it, slices, sender } = lane();
  it.add('k', 0, 'first', sender());
  it.add('k', 0, 'second', sender());
  await settled();
  await slices[0]!.answer();
  assert.equal(it.has('k'), true);
  assert.equal(it.has('other'), false);
  await slices[1]!.answer();
  assert.equal(it.has('k'), false);
});

test('a slice is sent only after earlier commands on the other connection are answered or fail', async () => {
  const { lane: it, sender, items, blockedBy } = lane();
  const before = Promise.withResolvers<void>();
  blockedBy(before.promise);
  it.add('k', 0, 'k', sender());
  await settled();
  assert.deepEqual(items(), []);
  before.reject(new Error('it timed out'));
  await settled();
  assert.deepEqual(items(), [['k']]);
});

test('an item that waits two seconds expires unsent, and a slice has the time that remains', async () => {
  const { lane: it, slices, sender, expired, wait } = lane();
  it.add('a', 0, 'a', sender());
  it.add('b', 0, 'b', sender());
  await settled();
  assert.equal(slices[0]!.leftMs, BULK_TIMEOUT_MS);
  wait(500);
  await slices[0]!.answer();
  assert.equal(slices[1]!.leftMs, 1500);
  it.add('c', 0, 'c', sender());
  wait(BULK_TIMEOUT_MS);
  await slices[1]!.answer();
  assert.deepEqual(expired, ['c']);
  assert.equal(it.idle, true);
});
