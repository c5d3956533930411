import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub } from '../../src/push/hub.ts';
import { consumerOf } from '../push/deps.ts';
import { settled } from '../support/gated-store.ts';
import { json, KEY, openOther, openReplica } from '../support/replica.ts';

// Answers that come in one chunk of the socket: nothing is looked at before all are there, and then in any order.

/** A replica with a subscriber of KEY, and a write of another replica that the link has reported. */
async function replica() {
  const on = openReplica({ clock: { now: Date.now() }, linked: true });
  const { cache, store } = on;
  const hub = new Hub(cache);
  cache.changes = hub;
  const { consumer, socket } = consumerOf();
  hub.subscriptions.add({ keys: [KEY], types: [], prefixes: [], values: true, subscriber: consumer });
  await openOther(on).cache.set(KEY, json('"theirs"'));
  store.hold();
  cache.keyChanged(KEY, undefined);
  const reading = store.next('read');
  reading.happen();
  const told = () => socket.sent.filter(({ event }) => event !== 'reset').map(({ value }) => value);
  return { cache, store, reading, told };
}

test('an own write is told last, though the answer to a question from before it is looked at after it', async () => {
  for (const order of ['question first', 'write first']) {
    const { cache, store, reading, told } = await replica();
    const write = cache.set(KEY, json('"ours"'));
    const writing = store.next('write');
    writing.happen();
    const answers = order === 'question first' ? [reading, writing] : [writing, reading];
    await Promise.all(answers.map((call) => call.answer()));
    await write;
    await settled();
    assert.equal(told().at(-1), 'ours', order);
  }
});

test('a value that was asked for before a flush is not told after it', async () => {
  const { cache, store, reading, told } = await replica();
  store.entries.clear();
  cache.allChanged('flush');
  await reading.answer();
  await settled();
  assert.deepEqual(told(), []);
});
