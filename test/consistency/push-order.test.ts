import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Entry } from '../../src/cache/entry.ts';
import { NotReplicated } from '../../src/cache/store.ts';
import { Hub } from '../../src/push/hub.ts';
import { consumerOf, type FakeSocket } from '../push/deps.ts';
import { settled } from '../support/gated-store.ts';
import { json, KEY, openOther, openReplica, TIMEOUT, TYPE_TTL_MS } from '../support/replica.ts';

/** The version of a value of another program. */
const FOREIGN = `${'0'.repeat(16)}12345678`;

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

/** A replica with pending writes, and with a subscriber of KEY. */
function keepingReplica() {
  const on = openReplica({ clock: { now: Date.now() }, linked: true, pendingWrites: {} });
  const hub = new Hub(on.cache, assert.ifError);
  on.cache.changes = hub;
  return { ...on, hub, socket: subscribe(hub) };
}

const valuesOf = ({ sent }: FakeSocket) => sent.map(({ value }) => value);

/** Subscribes a client to KEY, and returns its socket. */
function subscribe(hub: Hub) {
  const { consumer, socket } = consumerOf();
  const subscription = { keys: [KEY], types: [], prefixes: [], values: true, interval: 0 };
  hub.subscriptions.add({ ...subscription, subscriber: consumer });
  return socket;
}

test('a value that became pending after a newer one is not pushed, and all clients end with the newer one', async () => {
  const on = keepingReplica();
  const { cache, store, clock, hub, socket } = on;
  store.hold();
  const write = cache.set(KEY, json('"ours"'));
  const writing = store.next('write');
  store.release();
  clock.now += 10;
  await openOther(on).cache.set(KEY, json('"theirs"'));
  // The other program announces no version, so only a read finds the newer value.
  cache.keyChanged(KEY, undefined);
  await hub.load(KEY);
  await settled();
  store.hold();
  await writing.fail(TIMEOUT);
  await write;
  await settled();
  assert.deepEqual(valuesOf(socket), ['theirs']);

  // The snapshot of another client has the pending value, with its code.
  const later = subscribe(hub);
  hub.found(KEY, await cache.look(KEY));
  store.release();
  await cache.replay();
  for (const { answer } of store.held.splice(0)) await answer();
  await settled();
  await settled();
  assert.equal(valuesOf(later).at(-1), 'theirs');
  assert.ok(!valuesOf(socket).includes('ours'));
});

// ---- REDIS_MIN_REPLICAS_ACK: Redis has made a write, and the process still waits for replicas

/** Redis makes an own write or deletion, and its answer is still on the way. Returns the version as the link reports it. */
function made({ cache, store, clock }: ReturnType<typeof keepingReplica>, body?: string) {
  clock.now += 10;
  store.hold();
  const outcome = body === undefined ? cache.delete(KEY) : cache.set(KEY, json(body));
  const call = store.next(body === undefined ? 'remove' : 'write');
  call.happen();
  store.release();
  return { outcome, call, version: call.stamp! };
}

test('two own writes without an answer are pushed with different versions, although the link reports only the later one', async () => {
  const on = keepingReplica();
  const first = made(on, '"first"');
  const second = made(on, '"second"');
  on.cache.keyChanged(KEY, { reason: 'set', version: second.version });
  await first.call.fail(new NotReplicated('Redis did not answer', undefined));
  assert.deepEqual(await first.outcome, { status: 'unknown', version: first.version });
  await settled();
  await second.call.fail(new NotReplicated('Redis did not answer', undefined));
  assert.deepEqual(await second.outcome, { status: 'unknown', version: second.version });
  await settled();
  await on.cache.replay();
  assert.deepEqual(
    on.socket.sent.map(({ value, version }) => [value, version]),
    [
      ['first', first.version],
      ['second', second.version],
    ],
  );
  assert.deepEqual([on.stored(), on.pendingWrites.size], ['"second"', 0]);
});

test('a pending write is not pushed with the version of a later own write that the link reports', async () => {
  const on = keepingReplica();
  const first = made(on, '"first"');
  on.cache.keyChanged(KEY, { reason: 'set', version: first.version });
  await first.call.fail(new NotReplicated('0 of 1 replicas', first.version));
  await first.outcome;
  await settled();
  const second = made(on, '"second"');
  on.cache.keyChanged(KEY, { reason: 'set', version: second.version });
  assert.equal((await on.hub.load(KEY)).entry?.version, first.version);
  await second.call.answer();
  await second.outcome;
  await settled();
  assert.deepEqual(
    on.socket.sent.map(({ value, version }) => [value, version]),
    [
      ['first', first.version],
      ['second', second.version],
    ],
  );
  assert.equal(on.pendingWrites.size, 0);
});

test('after another program has changed the key, the answer to an own change does not push it again', async () => {
  for (const own of ['"own"', undefined])
    for (const later of ['"later"', undefined]) {
      const on = keepingReplica();
      const { cache, store, clock, hub } = on;
      if (own === undefined) await openOther(on).cache.set(KEY, json('"old"'));
      await hub.load(KEY);
      const change = made(on, own);
      cache.keyChanged(KEY, { reason: own === undefined ? 'delete' : 'set', version: change.version });
      await hub.load(KEY);
      hub.flush();
      if (later === undefined) store.entries.delete(KEY);
      else store.entries.set(KEY, new Entry(KEY, json(later), FOREIGN, clock.now, clock.now + TYPE_TTL_MS));
      cache.keyChanged(KEY, undefined);
      await hub.load(KEY);
      hub.flush();
      const before = on.socket.sent.length;
      await change.call.answer();
      await change.outcome;
      await settled();
      assert.deepEqual(on.socket.sent.slice(before), [], `${own} then ${later}`);
    }
});

test('an own write is pushed without a read where its own report on the link had no version', async () => {
  const on = keepingReplica();
  const write = made(on, '"own"');
  on.cache.keyChanged(KEY, undefined);
  on.store.hold();
  await write.call.answer();
  await write.outcome;
  await settled();
  assert.deepEqual(
    on.socket.sent.map(({ value, version, code }) => [value, version, code]),
    [['own', write.version, undefined]],
  );
});
