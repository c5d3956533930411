import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub } from '../../src/push/hub.ts';
import { consumerOf } from '../push/deps.ts';
import { settled } from '../support/gated-store.ts';
import { json, KEY, openOther, openReplica } from '../support/replica.ts';

// Answers that arrive in one chunk of the socket. The service handles them in any order, after all have arrived.

/** A replica with a subscriber of KEY, and a write of another replica that the link has reported. */
async function replica() {
  const on = openReplica({ clock: { now: Date.now() }, linked: true });
  const { cache, store } = on;
  const hub = new Hub(cache, assert.ifError);
  cache.changes = hub;
  const { consumer, socket } = consumerOf();
  hub.subscriptions.add({
    keys: [KEY],
    types: [],
    prefixes: [],
    values: true,
    interval: 0,
    subscriber: consumer,
  });
  await openOther(on).cache.set(KEY, json('"theirs"'));
  store.hold();
  cache.keyChanged(KEY, undefined);
  const reading = store.next('read');
  reading.happen();
  const pushed = () => socket.sent.filter(({ event }) => event !== 'reset').map(({ value }) => value);
  return { cache, store, reading, pushed };
}

test('an own write is pushed last, even if the answer to an earlier read is handled after it', async () => {
  for (const order of ['read first', 'write first']) {
    const { cache, store, reading, pushed } = await replica();
    const write = cache.set(KEY, json('"ours"'));
    const writing = store.next('write');
    writing.happen();
    const answers = order === 'read first' ? [reading, writing] : [writing, reading];
    await Promise.all(answers.map((call) => call.answer()));
    await write;
    await settled();
    assert.equal(pushed().at(-1), 'ours', order);
  }
});

test('a value that was read before a flush is not pushed after the flush', async () => {
  const { cache, store, reading, pushed } = await replica();
  store.entries.clear();
  cache.allChanged('flush');
  await reading.answer();
  await settled();
  assert.deepEqual(pushed(), []);
});
