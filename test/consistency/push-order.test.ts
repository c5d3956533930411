import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Memory } from '../../src/cache/l1/memory.ts';
import { TwoLevel } from '../../src/cache/two-level.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { TYPES } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { Hub } from '../../src/push/hub.ts';
import { consumerOf, json } from '../push/deps.ts';
import { GatedStore, settled } from '../support/gated-store.ts';

// Answers that come in one chunk of the socket: nothing is looked at before all are there, and then in any order.

const KEY = 'borrow_rate:AAPL';

/** A replica with a subscriber of KEY, and somebody else's write of it that the link has told of. */
async function replica() {
  const clock = { now: Date.now() };
  const counters = new Counters();
  const store = new GatedStore(clock);
  const memory = new Memory({ maxEntries: 100, maxBytes: 0, ttlMs: 60_000 }, clock, counters);
  const common = { clock, counters, ttls: TYPES.map(() => 300_000) };
  const versions = (writer: string) => new VersionClock(writer, () => clock.now);
  const cache = new TwoLevel({ ...common, memory, store, versions: versions('0000000a'), linked: true });
  const hub = new Hub(cache);
  cache.changes = hub;
  cache.stateChanged('coherent');
  const { consumer, socket } = consumerOf();
  hub.subscriptions.add({ keys: [KEY], types: [], prefixes: [], values: true, subscriber: consumer });
  const foreign = new TwoLevel({
    ...common,
    memory: undefined,
    store: new GatedStore(clock, store.entries),
    versions: versions('0000000b'),
  });
  await foreign.set(KEY, json('"theirs"'));
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
