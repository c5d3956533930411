import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { Source } from '../../src/cache/coherence.ts';
import { Entry } from '../../src/cache/entry.ts';
import type { Slots } from '../../src/cache/slots.ts';
import {
  followChanges,
  json,
  KEY,
  L1_TTL_MS,
  NO_VERSION,
  openReplica,
  type ReplicaOptions,
  TYPE_TTL_MS,
} from '../support/replica.ts';

/** Keys that end with 0 belong to slot 0, all others to slot 1. */
const SLOTS: Slots = { count: 2, of: (key) => (key.endsWith('0') ? 0 : 1) };
const [LEFT, RIGHT] = ['min_rate:0', 'min_rate:1'];

/** A replica on two servers that are coherent, with an entry of each server in L1. */
async function setUp(options: ReplicaOptions = {}) {
  const replica = openReplica({ linked: true, slots: SLOTS, pendingWrites: {}, ...options });
  const { cache, store, clock } = replica;
  const [left, right] = [new Source('left', 'blind'), new Source('right', 'blind')];
  cache.assignSlots(left, new Set([0]));
  cache.assignSlots(right, new Set([1]));
  for (const source of [left, right]) {
    cache.allChanged('rearmed', undefined, source);
    cache.stateChanged('coherent', source);
  }
  for (const key of [LEFT, RIGHT])
    store.entries.set(key, new Entry(key, json('1'), NO_VERSION, clock.now, clock.now + TYPE_TTL_MS));
  for (const key of [LEFT, RIGHT]) await cache.get(key);
  return { ...replica, left, right };
}

test('the cache is as coherent as its worst server', async () => {
  const { cache, left, right } = await setUp();
  assert.equal(cache.coherence, 'coherent');
  cache.stateChanged('degraded', left);
  assert.equal(cache.coherence, 'degraded');
  cache.stateChanged('blind', right);
  assert.equal(cache.coherence, 'blind');
  cache.stateChanged('coherent', right);
  assert.equal(cache.coherence, 'degraded');
});

test('L1 serves the keys of a server while another server is lost', async () => {
  const { cache, left } = await setUp();
  cache.stateChanged('blind', left);
  assert.equal(cache.peek(LEFT), undefined);
  assert.equal(cache.peek(RIGHT)?.json, '1');
});

test('a read is marked with the state of the server of its key', async () => {
  const { cache, left } = await setUp();
  cache.stateChanged('degraded', left);
  assert.equal((await cache.load(LEFT)).lesser, 'degraded');
  assert.equal((await cache.load(RIGHT)).lesser, undefined);
});

test('a link that is armed again drops the keys of its server only', async () => {
  const { cache, memory, left } = await setUp();
  cache.allChanged('rearmed', undefined, left);
  assert.equal(cache.peek(LEFT), undefined);
  await until(() => memory.cached(LEFT) === undefined);
  assert.equal(cache.peek(RIGHT)?.json, '1');
  await cache.get(LEFT);
  assert.equal(cache.peek(LEFT)?.json, '1');
});

test('keys of a slot that moved to a coherent server are not served from L1', async () => {
  const { cache, memory, right } = await setUp();
  cache.assignSlots(right, new Set([0]));
  assert.equal(cache.peek(LEFT), undefined);
  await until(() => memory.cached(LEFT) === undefined);
  assert.equal(cache.peek(RIGHT)?.json, '1');
});

test('keys of a slot that moved to a server without a link stay as a fallback until the link is armed', async () => {
  const { cache, memory } = await setUp();
  const heir = new Source('heir', 'blind');
  cache.assignSlots(heir, new Set([0]));
  assert.equal(cache.peek(LEFT), undefined);
  assert.equal(memory.unexpired(LEFT)?.json, '1');
  cache.allChanged('rearmed', undefined, heir);
  cache.stateChanged('coherent', heir);
  assert.equal(cache.peek(LEFT), undefined);
  await until(() => memory.cached(LEFT) === undefined);
});

test('a read in flight does not fill L1 after its slot moved', async () => {
  const { cache, store, memory, right } = await setUp();
  memory.delete(LEFT);
  store.hold();
  const read = cache.get(LEFT);
  const held = store.next('read');
  held.happen();
  cache.assignSlots(right, new Set([0]));
  await held.answer();
  assert.equal((await read).entry?.json, '1');
  assert.equal(memory.cached(LEFT), undefined);
});

test('subscribers are reset when the worst state changes, not for every server', async () => {
  const { cache, left, right } = await setUp();
  const changes = followChanges(cache);
  cache.stateChanged('blind', left);
  cache.stateChanged('blind', right);
  cache.stateChanged('coherent', right);
  cache.stateChanged('coherent', left);
  assert.deepEqual(changes, ['reset blind', 'reset rearmed']);
});

test('a server that takes over slots before its link is armed makes the cache blind', async () => {
  const { cache } = await setUp();
  const changes = followChanges(cache);
  cache.assignSlots(new Source('heir', 'blind'), new Set([0]));
  assert.equal(cache.coherence, 'blind');
  assert.deepEqual(changes, ['reset blind']);
});

test('the entries of every slot expire as those of one server do', async () => {
  const { cache, clock } = await setUp();
  clock.now += L1_TTL_MS;
  assert.equal(cache.peek(LEFT), undefined);
  assert.equal(cache.peek(RIGHT), undefined);
  assert.equal(cache.peek(KEY), undefined);
});

test('a calculation that is reported after a later change of its input on another server is not served', async () => {
  const { cache, clock } = await setUp({ dependencies: true });
  const [calculation, input] = ['calculation:GME:c1:0', 'borrow_rate:GME'];
  const { version } = await cache.set(calculation, json('1'));
  clock.now++;
  // Another program changed the input, so its version is not known.
  cache.keyChanged(input, undefined);
  cache.keyChanged(calculation, { reason: 'set', version: version! });
  assert.equal((await cache.get(calculation)).outdatedBy, input);
  clock.now++;
  const later = await cache.set(calculation, json('2'));
  cache.keyChanged(calculation, { reason: 'set', version: later.version! });
  assert.equal((await cache.get(calculation)).entry?.json, '2');
});
