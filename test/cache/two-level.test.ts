import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition } from '../../src/cache/condition.ts';
import type { Entry } from '../../src/cache/entry.ts';
import { originOf } from '../../src/cache/origin.ts';
import type { StoreError } from '../../src/cache/store.ts';
import type { TwoLevel } from '../../src/cache/two-level.ts';
import { typeOf } from '../../src/key.ts';
import { total } from '../../src/metrics/counters.ts';
import { type GatedStore, settled } from '../support/gated-store.ts';
import {
  DOWN,
  json,
  KEY,
  L1_TTL_MS,
  NO_VERSION,
  NOW,
  openOther,
  openReplica,
  type Replica,
  TIMEOUT,
  TYPE_TTL_MS,
} from '../support/replica.ts';

const TYPE = typeOf(KEY);

/** Puts a value into L2 alone, as another replica would. */
async function writeElsewhere(store: GatedStore, key: string, body: string, ttlMs = TYPE_TTL_MS) {
  // Older than every change of the test.
  const { cache } = openOther({ clock: { now: NOW - 1 }, store });
  await cache.set(key, json(body), ttlMs);
}

/** Writes, and reads the value into L1. */
async function setAndRead(cache: TwoLevel, key: string, body: string, ttlMs?: number) {
  const outcome = await cache.set(key, json(body), ttlMs);
  await cache.get(key);
  return outcome;
}

test('a written value is read from L2 once, and then served by peek', async () => {
  const { cache, store, counters } = openReplica();
  assert.equal((await cache.set(KEY, json('1'))).status, 'created');
  assert.equal(cache.peek(KEY), undefined);
  assert.equal((await cache.get(KEY)).source, 'l2');
  assert.equal(cache.peek(KEY)?.json, '1');
  assert.deepEqual(await cache.get(KEY), { entry: cache.peek(KEY), source: 'l1' });
  assert.equal(store.calls.read, 1);
  assert.equal(counters.l1Hits[TYPE], 3);
  assert.equal(total(counters.l1Misses), 1);
});

test('a key that L1 does not hold is loaded from L2 once, and then served by peek', async () => {
  const { cache, store, counters } = openReplica();
  await writeElsewhere(store, KEY, '1');
  assert.equal(cache.peek(KEY), undefined);
  const { entry, source } = await cache.load(KEY);
  assert.equal(source, 'l2');
  assert.equal(entry?.json, '1');
  assert.equal(cache.peek(KEY), entry);
  assert.equal(counters.l1Misses[TYPE], 1);
  assert.equal(counters.l2Hits[TYPE], 1);
});

test('an entry that is no longer fresh is loaded from L2 again, and is then fresh', async () => {
  const { cache, store, clock } = openReplica();
  await setAndRead(cache, KEY, '1');
  await writeElsewhere(store, KEY, '2');
  assert.equal(cache.peek(KEY)?.json, '1');
  clock.now += L1_TTL_MS;
  assert.equal(cache.peek(KEY), undefined);
  assert.equal((await cache.get(KEY)).entry?.json, '2');
  assert.equal(cache.peek(KEY)?.json, '2');
});

test('a value that L2 no longer holds is dropped from L1, and is not served when L2 becomes unreachable', async () => {
  const { cache, memory, store, clock } = openReplica();
  await setAndRead(cache, KEY, '1');
  store.entries.clear();
  clock.now += L1_TTL_MS;
  assert.deepEqual(await cache.get(KEY), { entry: undefined, source: 'none' });
  assert.equal(memory.size, 0);
  store.fault = DOWN;
  assert.equal((await cache.get(KEY)).source, 'unknown');
});

test('an entry of L2 that has expired by the clock of the replica is a miss', async () => {
  const l2Clock = { now: NOW };
  const { cache, store, counters } = openReplica({ l2Clock, clock: { now: NOW + 10_000 } });
  await writeElsewhere(store, KEY, '1', 10_000);
  // L2 still holds the entry.
  assert.deepEqual(await cache.get(KEY), { entry: undefined, source: 'none' });
  assert.equal(counters.misses[TYPE], 1);
});

test('an entry in L1 expires with its value, even if its L1 TTL has not ended', async () => {
  const { cache, clock } = openReplica();
  await setAndRead(cache, KEY, '1', 5_000);
  clock.now += 4_999;
  assert.ok(cache.peek(KEY));
  clock.now += 1;
  assert.equal(cache.peek(KEY), undefined);
  assert.equal((await cache.load(KEY)).source, 'none');
});

test('a value without a TTL gets the TTL of its type', async () => {
  const { cache, store } = openReplica();
  await cache.set(KEY, json('1'));
  await cache.set('k', json('1'), 1234);
  assert.equal(store.entries.get(KEY)!.expiresAt, NOW + TYPE_TTL_MS);
  assert.equal(store.entries.get('k')!.expiresAt, NOW + 1234);
});

test('100 concurrent readers of one key cause one read of L2, and each reader is counted once', async () => {
  for (const [present, source, count] of [
    [true, 'l2', 'l2Hits'],
    [false, 'none', 'misses'],
  ] as const) {
    const { cache, store, counters } = openReplica();
    if (present) await writeElsewhere(store, KEY, '1');
    store.hold();
    const readers = Array.from({ length: 100 }, () => cache.get(KEY));
    await settled();
    assert.equal(store.calls.read, 1);
    await store.next('read').answer();
    for (const answer of await Promise.all(readers)) assert.equal(answer.source, source);
    assert.equal(counters.l1Misses[TYPE], 100);
    assert.equal(counters[count][TYPE], 100);
    assert.equal(counters.joinedFlights, 99);
  }
});

test('a refresh fills L1 and is not counted as a read', async () => {
  const { cache, store, counters } = openReplica();
  await writeElsewhere(store, KEY, '1');
  assert.equal((await cache.refresh(KEY)).source, 'l2');
  assert.equal((await cache.refresh('k')).source, 'none');
  assert.ok(cache.memory!.fresh(KEY));
  assert.equal(total(counters.l1Misses) + total(counters.l2Hits) + total(counters.misses), 0);
});

test('while L2 is unreachable, L1 serves a stale entry until it expires, and then the result is unknown', async () => {
  const { cache, store, counters, clock } = openReplica();
  await setAndRead(cache, KEY, '1');
  store.fault = DOWN;
  assert.equal((await cache.get(KEY)).source, 'l1');
  clock.now += L1_TTL_MS;
  const stale = await Promise.all([cache.get(KEY), cache.get(KEY)]);
  for (const { entry, source, fault } of stale) {
    assert.equal(entry?.json, '1');
    assert.equal(source, 'l1-stale');
    assert.equal(fault, DOWN);
  }
  assert.equal(counters.staleHits[TYPE], 2);
  clock.now += TYPE_TTL_MS;
  const unknown = await Promise.all([cache.get(KEY), cache.get(KEY), cache.get(KEY)]);
  for (const answer of unknown)
    assert.deepEqual(answer, { entry: undefined, source: 'unknown', fault: DOWN });
  assert.equal(counters.getErrors, 3);
  assert.equal(total(counters.misses), 0);
});

test('when L2 is reachable again, reads go to L2', async () => {
  const { cache, store, clock } = openReplica();
  await setAndRead(cache, KEY, '1');
  clock.now += L1_TTL_MS;
  store.fault = DOWN;
  assert.equal((await cache.get(KEY)).source, 'l1-stale');
  store.fault = undefined;
  assert.equal((await cache.get(KEY)).source, 'l2');
});

test('an unexpected error rejects all readers of a flight, and the next read opens a new flight', async () => {
  const { cache, store } = openReplica();
  store.hold();
  const outcomes = Promise.allSettled([cache.get(KEY), cache.get(KEY)]);
  const bug = new TypeError('a bug');
  await store.next('read').fail(bug);
  for (const outcome of await outcomes) assert.deepEqual(outcome, { status: 'rejected', reason: bug });
  store.release();
  assert.equal((await cache.get(KEY)).source, 'none');
});

test('with L1 disabled, every read goes to L2', async () => {
  const { cache, store } = openReplica({ local: false });
  await cache.set(KEY, json('1'));
  for (let i = 0; i < 3; i++) assert.equal((await cache.get(KEY)).source, 'l2');
  assert.equal(store.calls.read, 3);
  assert.equal((await cache.delete(KEY)).status, 'deleted');
  assert.equal(cache.forgetAll(), 0);
});

test('writes and deletes are counted as hits or misses by whether the key existed', async () => {
  const { cache, counters } = openReplica();
  await cache.set(KEY, json('1'));
  await cache.set(KEY, json('2'));
  await cache.set(KEY, json('3'), undefined, { is: 'if-absent' });
  await cache.delete(KEY);
  await cache.delete(KEY);
  await cache.delete(KEY, { is: 'if-exists' });
  const { setMisses, setHits, deleteHits, deleteMisses, setErrors, deleteErrors } = counters;
  assert.deepEqual(
    [setMisses, setHits, deleteHits, deleteMisses, setErrors, deleteErrors],
    [1, 1, 1, 1, 0, 0],
  );
});

test('a standalone write with older data is refused, and one with equal or unknown data is made', async () => {
  const { cache } = openReplica({ standalone: true });
  const write = (asOf: number | undefined, limit: number) =>
    cache.set(
      KEY,
      json('1'),
      undefined,
      { is: 'unless-newer', asOf: limit },
      {
        client: 'c',
        origin: originOf(asOf, 'ibkr'),
      },
    );
  const first = await write(2000, 2000);
  assert.equal(first.status, 'created');
  assert.deepEqual(await write(1999, 1999), { status: 'refused', version: first.version });
  assert.equal((await write(2000, 2000)).status, 'replaced');
  assert.deepEqual(cache.peek(KEY)!.origin, { asOf: 2000, source: 'ibkr' });
  assert.equal((await write(undefined, 2000)).status, 'replaced');
  assert.equal((await write(1000, 1000)).status, 'replaced', 'a value without asOf refuses nothing');
});

test('a write returns the version that L2 stored, also if L2 raised it', async () => {
  const ahead = openReplica({ writer: '0000000c', clock: { now: NOW + 3_600_000 } });
  const behind = openReplica({ entries: ahead.store.entries });
  await ahead.cache.set(KEY, json('1'), 2 * 3_600_000);
  const { version } = await behind.cache.set(KEY, json('2'));
  assert.equal((await behind.cache.get(KEY)).entry!.version, version);
  assert.equal(ahead.store.entries.get(KEY)!.version, version);
});

test('every write after a read is newer than the version that was read', async () => {
  const entries = new Map<string, Entry>();
  const ahead = openReplica({ entries, writer: '0000000c', clock: { now: NOW + 50 } });
  const behind = openReplica({ entries });
  const { version: read } = await ahead.cache.set(KEY, json('1'));
  await behind.cache.get(KEY);
  const { version } = await behind.cache.set('k', json('2'));
  assert.ok(version! > read!);
});

test('a failed write drops its key from L1, whether or not it took effect', async () => {
  for (const happens of [false, true]) {
    for (const operation of ['write', 'remove'] as const) {
      const { cache, memory, store, counters } = openReplica();
      await cache.set(KEY, json('1'));
      store.hold();
      const change = operation === 'write' ? cache.set(KEY, json('2')) : cache.delete(KEY);
      const rejected = assert.rejects(change, { code: 'write_unknown', cause: TIMEOUT });
      const call = store.next(operation);
      if (happens) call.happen();
      await call.fail(TIMEOUT);
      await rejected;
      assert.equal(memory.size, 0);
      assert.equal(operation === 'write' ? counters.setErrors : counters.deleteErrors, 1);
    }
  }
});

test('while a write is in progress, L1 serves the previous value', async () => {
  const { cache, store } = openReplica();
  await setAndRead(cache, KEY, '1');
  store.hold();
  const write = cache.set(KEY, json('2'));
  store.held[0]!.happen();
  assert.equal(cache.peek(KEY)?.json, '1');
  await store.next('write').answer();
  await write;
  assert.equal(cache.peek(KEY), undefined);
});

test('a refused write drops an outdated entry from L1, so that the next reader gets the current version', async () => {
  const { cache, store } = openReplica();
  const { version } = await setAndRead(cache, KEY, '1');
  const old = cache.peek(KEY)!;
  await writeElsewhere(store, KEY, '2');
  const condition: Condition = { is: 'if-version', versions: [version!] };
  for (const attempt of [
    () => cache.set(KEY, json('3'), undefined, condition),
    () => cache.delete(KEY, condition),
  ]) {
    cache.memory!.set(old);
    assert.equal((await attempt()).status, 'refused');
    assert.equal(cache.peek(KEY), undefined);
    assert.equal((await cache.get(KEY)).entry?.json, '2');
  }
});

test('a refused write leaves L1 unchanged if L1 holds the current version', async () => {
  const { cache } = openReplica();
  await setAndRead(cache, KEY, '1');
  const { status, version } = await cache.set(KEY, json('2'), undefined, { is: 'if-absent' });
  assert.equal(status, 'refused');
  assert.equal(cache.peek(KEY)?.version, version);
});

/** A change of KEY, as three steps in order. */
type Change = (on: Replica) => [call: () => void, happen: () => void, end: () => Promise<void>];

const changes: Record<string, { change: Change; after: string | undefined }> = {
  'a set': { change: (on) => moments(on, 'write', () => on.cache.set(KEY, json('"new"'))), after: '"new"' },
  'a delete': { change: (on) => moments(on, 'remove', () => on.cache.delete(KEY)), after: undefined },
  'an invalidation': {
    change: (on) => moments(on, 'removeMatching', () => on.cache.invalidate({ type: TYPE })),
    after: undefined,
  },
  'a set that fails': {
    change: (on) => moments(on, 'write', () => on.cache.set(KEY, json('"new"')), TIMEOUT),
    after: '"new"',
  },
  'a delete that fails': {
    change: (on) => moments(on, 'remove', () => on.cache.delete(KEY), TIMEOUT),
    after: undefined,
  },
  'an invalidation that fails': {
    change: (on) => moments(on, 'removeMatching', () => on.cache.invalidate({ pattern: '*' }), TIMEOUT),
    after: undefined,
  },
};

function moments(
  { store }: Replica,
  operation: 'write' | 'remove' | 'removeMatching' | 'read',
  start: () => Promise<unknown>,
  failure?: StoreError,
): ReturnType<Change> {
  let call: ReturnType<GatedStore['next']>;
  return [
    () => {
      start().catch((error) => assert.equal(error === failure ? error : error.cause, failure));
      call = store.next(operation);
    },
    () => call.happen(),
    () => (failure === undefined ? call.answer() : call.fail(failure)),
  ];
}

for (const [name, { change, after }] of Object.entries(changes)) {
  test(`${name} and a read leave L1 without KEY or equal to L2, in every order of their steps`, async () => {
    for (const order of interleavings(3, 3)) {
      const on = openReplica();
      await writeElsewhere(on.store, KEY, '"old"');
      on.store.hold();
      let read: Promise<{ entry: Entry | undefined }>;
      const reading = moments(on, 'read', () => {
        read = on.cache.load(KEY);
        return read;
      });
      await inOrder(order, reading, change(on));
      const stored = on.store.entries.get(KEY)?.json;
      assert.equal(stored, after);
      const held = on.memory.fresh(KEY)?.json;
      assert.ok(held === undefined || held === stored, `${order}: L1 holds ${held}, L2 ${stored}`);
      // The read may return only the old value or the new value.
      assert.ok(['"old"', after].includes((await read!).entry?.json as string | undefined));
    }
  });
}

test('a set and an invalidation leave L1 without KEY or equal to L2, in every order of their steps', async () => {
  for (const order of interleavings(3, 3)) {
    const on = openReplica();
    on.store.hold();
    await inOrder(order, changes['a set']!.change(on), changes['an invalidation']!.change(on));
    on.store.release();
    const stored = on.store.entries.get(KEY)?.json;
    const held = on.memory.fresh(KEY)?.json;
    assert.ok(held === undefined || held === stored, `${order}: L1 holds ${held}, L2 ${stored}`);
  }
});

test('a read in progress when L1 is cleared does not fill L1', async () => {
  const { cache, memory, store } = openReplica();
  await writeElsewhere(store, KEY, '"old"');
  store.hold();
  const read = cache.load(KEY);
  assert.equal(cache.forgetAll(), 0);
  await store.next('read').answer();
  assert.equal((await read).entry?.json, '"old"');
  assert.equal(memory.size, 0);
});

test('readers from before a fence get their answer, and a read after the fence opens a new flight', async () => {
  const { cache, memory, store, counters } = openReplica();
  await writeElsewhere(store, KEY, '"old"');
  store.hold();
  const before = [cache.load(KEY), cache.load(KEY)];
  const first = store.next('read');
  first.happen();
  await writeElsewhere(store, KEY, '"new"');
  cache.keyChanged(KEY, undefined);
  const after = [cache.load(KEY), cache.load(KEY)];
  assert.equal(store.calls.read, 2);
  await first.answer();
  for (const { entry } of await Promise.all(before)) assert.equal(entry?.json, '"old"');
  assert.equal(memory.size, 0, 'L1 must not hold the answer of a fenced read');
  await store.next('read').answer();
  for (const { entry } of await Promise.all(after)) assert.equal(entry?.json, '"new"');
  assert.equal(memory.fresh(KEY)?.json, '"new"');
  assert.equal(counters.l2Hits[TYPE], 4);
  assert.equal(counters.fencedFlights, 1);
});

test('an invalidation deletes matching keys from both tiers, and returns the count of L2', async () => {
  const { cache, memory, store } = openReplica();
  await setAndRead(cache, KEY, '1');
  await setAndRead(cache, 'min_rate:X', '1');
  await writeElsewhere(store, 'borrow_rate:MSFT', '1');
  assert.equal(await cache.invalidate({ type: TYPE }), 2);
  assert.deepEqual(
    Array.from(memory.entries(), ({ key }) => key),
    ['min_rate:X'],
  );
  assert.deepEqual([...store.entries.keys()], ['min_rate:X']);
});

test('standalone: L1 keeps values for the TTL of their type, and reads report no fault', async () => {
  const { cache, counters, clock } = openReplica({ standalone: true });
  assert.equal((await cache.set(KEY, json('1'))).status, 'created');
  assert.equal((await cache.set(KEY, json('2'))).status, 'replaced');
  clock.now += TYPE_TTL_MS - 1;
  assert.equal((await cache.get(KEY)).source, 'l1');
  clock.now += 1;
  assert.deepEqual(await cache.get(KEY), { entry: undefined, source: 'none' });
  assert.equal((await cache.set(KEY, json('3'))).status, 'created');
  assert.equal((await cache.delete(KEY)).status, 'deleted');
  assert.equal((await cache.delete(KEY)).status, 'absent');
  assert.equal(counters.misses[TYPE], 1);
});

test('standalone: an invalidation returns the count of L1', async () => {
  const { cache } = openReplica({ standalone: true });
  for (const key of ['borrow_rate:A', 'borrow_rate:B', 'k']) await cache.set(key, json('1'));
  assert.equal(await cache.invalidate({ pattern: 'borrow_rate:*' }), 2);
  assert.equal(await cache.invalidate({ pattern: '*' }), 1);
});

test('standalone: every condition allows and refuses the right writes and deletes', async () => {
  const absent: [Condition, boolean][] = [
    [{ is: 'if-exists' }, false],
    [{ is: 'if-absent' }, true],
    [{ is: 'if-version', versions: [NO_VERSION] }, false],
    [{ is: 'unless-version', versions: [NO_VERSION] }, true],
  ];
  for (const [condition, allowed] of absent) {
    const { cache } = openReplica({ standalone: true });
    assert.equal((await cache.delete(KEY, condition)).status, allowed ? 'absent' : 'refused', condition.is);
    assert.equal(
      (await cache.set(KEY, json('1'), undefined, condition)).status,
      allowed ? 'created' : 'refused',
    );
    assert.equal(cache.peek(KEY)?.json, allowed ? '1' : undefined);
  }

  const present = (version: string): [Condition, boolean][] => [
    [{ is: 'if-exists' }, true],
    [{ is: 'if-absent' }, false],
    [{ is: 'if-version', versions: [NO_VERSION, version] }, true],
    [{ is: 'if-version', versions: [NO_VERSION] }, false],
    [{ is: 'unless-version', versions: [version] }, false],
    [{ is: 'unless-version', versions: [NO_VERSION] }, true],
  ];
  for (let i = 0; i < 6; i++) {
    const { cache } = openReplica({ standalone: true });
    const [condition, allowed] = present((await cache.set(KEY, json('1'))).version!)[i]!;
    const before = cache.peek(KEY)!;
    const set = await cache.set(KEY, json('2'), undefined, condition);
    assert.equal(set.status, allowed ? 'replaced' : 'refused', JSON.stringify(condition));
    if (!allowed) assert.equal(set.version, before.version);
    assert.equal(cache.peek(KEY)?.json, allowed ? '2' : '1');
    const again = present(cache.peek(KEY)!.version)[i]![0];
    assert.equal((await cache.delete(KEY, again)).status, allowed ? 'deleted' : 'refused');
    assert.equal(cache.peek(KEY) === undefined, allowed);
  }
});

test('standalone: exactly one of 100 concurrent writers with the same condition wins', async () => {
  const { cache } = openReplica({ standalone: true });
  const creators = await Promise.all(
    Array.from({ length: 100 }, (_, i) => cache.set(KEY, json(String(i)), undefined, { is: 'if-absent' })),
  );
  assert.equal(creators.filter(({ status }) => status === 'created').length, 1);
  const condition: Condition = { is: 'if-version', versions: [cache.peek(KEY)!.version] };
  const writers = await Promise.all([
    ...Array.from({ length: 50 }, (_, i) => cache.set(KEY, json(String(i)), undefined, condition)),
    ...Array.from({ length: 50 }, () => cache.delete(KEY, condition)),
  ]);
  assert.equal(writers.filter(({ status }) => status !== 'refused').length, 1);
});

test('standalone: changes in one turn of the event loop take effect in the order of the calls', async () => {
  const { cache } = openReplica({ standalone: true });
  const outcomes = await Promise.all([
    cache.set(KEY, json('1')),
    cache.delete(KEY),
    cache.set(KEY, json('2'), undefined, { is: 'if-absent' }),
    cache.load(KEY),
    cache.set(KEY, json('3'), undefined, { is: 'if-exists' }),
  ]);
  assert.deepEqual(
    outcomes.flatMap((outcome) => ('status' in outcome ? [outcome.status] : [])),
    ['created', 'deleted', 'created', 'replaced'],
  );
  await settled();
  assert.equal(cache.peek(KEY)?.json, '3');
});

/** All orders of `a` steps of one operation and `b` steps of another, each as a string of `a`s and `b`s. */
function interleavings(a: number, b: number): string[] {
  if (a === 0) return ['b'.repeat(b)];
  if (b === 0) return ['a'.repeat(a)];
  return [
    ...interleavings(a - 1, b).map((rest) => `a${rest}`),
    ...interleavings(a, b - 1).map((rest) => `b${rest}`),
  ];
}

async function inOrder(
  order: string,
  a: (() => void | Promise<void>)[],
  b: (() => void | Promise<void>)[],
): Promise<void> {
  for (const which of order) await (which === 'a' ? a : b).shift()!();
  await settled();
}
