import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { deleteMany, setMany } from '../../../src/cache/batch.ts';
import { Entry } from '../../../src/cache/entry.ts';
import { EVERYTHING } from '../../../src/cache/match.ts';
import { originOf } from '../../../src/cache/origin.ts';
import { StoreError } from '../../../src/cache/store.ts';
import type { Version } from '../../../src/cache/version.ts';
import { typeOf } from '../../../src/key.ts';
import { settled } from '../../support/gated-store.ts';
import {
  DOWN,
  followChanges,
  json,
  KEY,
  openOther,
  openReplica,
  REJECTED,
  type ReplicaOptions,
  TIMEOUT,
} from '../../support/replica.ts';

// Tests how the two-level cache handles changes that L2 does not accept. `store.fault` makes L2 unreachable.
// A held call that fails stands for a call without an answer.

const TYPE = typeOf(KEY);
/** The version of a value of another program. */
const FOREIGN: Version = `${'0'.repeat(16)}12345678`;
const FULL_REDIS = new StoreError('rejected', 'OOM command not allowed', { kind: 'oom', passing: true });

/** A replica with pending writes. `foreign` is another replica, whose changes L2 accepts. */
function replica(t: TestContext, options: ReplicaOptions = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const on = openReplica({ clock: { now: Date.now() }, pendingWrites: {}, ...options });
  const { cache, store, clock } = on;
  const other = openOther(on).cache;
  return {
    ...on,
    /** What its clients are notified of. */
    changes: followChanges(cache),
    foreign: {
      async set(body: string, key = KEY) {
        // Older than later changes of the test, and newer than its earlier changes.
        clock.now++;
        await other.set(key, json(body));
        clock.now++;
      },
    },
    /** L2 is unreachable during the step. */
    unreachable: <T>(step: () => Promise<T>): Promise<T> => on.failing(DOWN, step),
    /** The change is sent, and no answer arrives. `made` decides whether L2 applied it. */
    async unanswered<T>(operation: 'write' | 'remove', step: () => Promise<T>, made: boolean): Promise<T> {
      store.hold();
      const outcome = step();
      outcome.catch(() => {});
      const call = store.next(operation);
      if (made) call.happen();
      store.release();
      await call.fail(TIMEOUT);
      return outcome;
    },
    async read(key = KEY) {
      const { entry, source } = await cache.load(key);
      return [entry?.json, source];
    },
  };
}

const unknown = ({ message }: StoreError) => ({ code: 'write_unknown', message });

// ---- postponing

test('a set that L2 does not accept is answered as accepted, counted, pushed, and served as a pending value', async (t) => {
  const on = replica(t);
  const { status, version } = await on.unreachable(() => on.cache.set(KEY, json('1')));
  assert.equal(status, 'accepted');
  assert.equal(on.cache.peek(KEY), undefined, 'L1 would serve the value without a mark');
  assert.deepEqual(await on.read(), ['1', 'pending']);
  assert.equal(on.pendingWrites.get(KEY)?.version, version);
  assert.deepEqual(on.changes, ['stored 1']);
  const { postponed, setErrors, setHits, setMisses } = on.counters;
  assert.deepEqual([postponed, setErrors, setHits, setMisses], [1, 0, 0, 0]);
});

test('a write that must not replace newer data becomes pending, and its replay yields to newer data', async (t) => {
  const on = replica(t);
  const set = (cache: typeof on.cache, asOf: number, body: string) =>
    cache.set(
      KEY,
      json(body),
      undefined,
      { is: 'unless-newer', asOf },
      {
        client: 'c',
        origin: originOf(asOf, 'ibkr'),
      },
    );
  const first = await on.unreachable(() => set(on.cache, 1000, '1'));
  assert.equal(first.status, 'accepted');
  assert.deepEqual(
    await on.unreachable(() => set(on.cache, 999, '"older"')),
    { status: 'refused', version: first.version },
    'the pending value is newer',
  );
  assert.equal((await on.unreachable(() => set(on.cache, 1000, '2'))).status, 'accepted');
  // Another replica wrote the newer data before these writes.
  const { now } = on.clock;
  const version = '018bcfe56800002a0000000f';
  const stored = new Entry(KEY, json('"newest"'), version, now, now + 60_000, originOf(2000, 'ibkr'));
  on.store.entries.set(KEY, stored);
  await on.cache.replay();
  assert.equal(on.pendingWrites.size, 0);
  assert.equal(on.counters.supersededChanges, 1);
  assert.deepEqual(await on.read(), ['"newest"', 'l2']);
});

test('a write that must not replace newer data replaces an older pending value in L2', async (t) => {
  const on = replica(t);
  const set = (asOf: number) =>
    on.cache.set(
      KEY,
      json(`${asOf}`),
      undefined,
      { is: 'unless-newer', asOf },
      {
        client: 'c',
        origin: originOf(asOf, 'ibkr'),
      },
    );
  await on.unreachable(() => set(1000));
  assert.equal((await set(1001)).status, 'created');
  assert.equal(on.pendingWrites.size, 0);
  assert.deepEqual(await on.read(), ['1001', 'l2']);
});

test('a deletion that L2 does not accept is answered as accepted, counted, and pushed to clients', async (t) => {
  const on = replica(t);
  await on.cache.set(KEY, json('1'));
  on.changes.length = 0;
  assert.deepEqual(await on.unreachable(() => on.cache.delete(KEY)), { status: 'accepted' });
  assert.equal(on.cache.peek(KEY), undefined);
  assert.deepEqual(on.changes, ['removed']);
  assert.deepEqual([on.counters.postponed, on.counters.deleteErrors], [1, 0]);
});

test('a change without an answer has the status unknown, and becomes pending', async (t) => {
  const on = replica(t);
  const set = await on.unanswered('write', () => on.cache.set(KEY, json('1')), false);
  assert.equal(set.status, 'unknown');
  const removal = await on.unanswered('remove', () => on.cache.delete('b'), false);
  assert.equal(removal.status, 'unknown');
  assert.equal(on.pendingWrites.size, 2);
});

test('a change that Redis refuses temporarily becomes pending, and a change that it refuses permanently fails', async (t) => {
  const on = replica(t);
  on.store.fault = FULL_REDIS;
  assert.equal((await on.cache.set(KEY, json('1'))).status, 'accepted');
  on.store.fault = REJECTED;
  await assert.rejects(on.cache.set('b', json('1')), REJECTED);
  await assert.rejects(on.cache.invalidate({ type: 1 }), REJECTED);
  assert.equal(on.pendingWrites.size, 1);
  assert.equal(on.cache.peek('b'), undefined);
});

test('each item of a batch reports separately that its write is pending', async (t) => {
  const on = replica(t);
  await on.unreachable(async () => {
    const [stored] = await setMany(on.cache, [{ key: KEY, value: json('1'), ttlMs: undefined }], 512);
    assert.deepEqual(
      { ...stored, version: '' },
      { key: KEY, status: 'stored', version: '', code: 'l2_unavailable' },
    );
    const [deleted] = await deleteMany(on.cache, ['b'], 512);
    assert.deepEqual(deleted, { key: 'b', status: 'deleted', code: 'l2_unavailable' });
  });
  const [late] = await on.unanswered('remove', () => deleteMany(on.cache, ['b'], 512), false);
  assert.equal('code' in late! && late.code, 'write_unknown');
});

test('with pending writes disabled, a change fails with the error of L2, or with write_unknown if no answer came', async (t) => {
  const on = replica(t, { pendingWrites: undefined });
  const { cache, counters } = on;
  await on.unreachable(async () => {
    await assert.rejects(cache.set(KEY, json('1')), DOWN);
    await assert.rejects(cache.delete(KEY), DOWN);
    await assert.rejects(cache.invalidate(EVERYTHING), DOWN);
  });
  await assert.rejects(
    on.unanswered('write', () => cache.set(KEY, json('1')), false),
    unknown(TIMEOUT),
  );
  await assert.rejects(
    on.unanswered('remove', () => cache.delete(KEY), false),
    unknown(TIMEOUT),
  );
  assert.deepEqual([counters.setErrors, counters.deleteErrors], [2, 2]);
  assert.equal(cache.pendingWrites, undefined);
});

test('when pending writes are full, a change fails with pending_writes_full or write_unknown, and L1 drops its key', async (t) => {
  const on = replica(t, { pendingWrites: { maxEntries: 1 } });
  await on.cache.set('b', json('0'));
  await on.unreachable(async () => {
    await on.cache.set(KEY, json('1'));
    await assert.rejects(on.cache.set('b', json('1')), { code: 'pending_writes_full', status: 503 });
    await assert.rejects(on.cache.delete('b'), { code: 'pending_writes_full' });
    await assert.rejects(on.cache.invalidate({ pattern: 'b' }), { code: 'pending_writes_full' });
    assert.equal(on.cache.peek('b'), undefined);
    // A further change of a pending key is accepted.
    assert.equal((await on.cache.set(KEY, json('2'))).status, 'accepted');
  });
  await assert.rejects(
    on.unanswered('write', () => on.cache.set('b', json('1')), false),
    unknown(TIMEOUT),
  );
  await assert.rejects(
    on.unanswered('remove', () => on.cache.delete('b'), false),
    unknown(TIMEOUT),
  );
  assert.deepEqual([on.counters.setErrors, on.counters.deleteErrors], [2, 2]);
  assert.equal(on.pendingWrites.size, 1);
});

test('clients are notified of a change that the link reported during a write that fails with pending_writes_full', async (t) => {
  const on = replica(t, { linked: true, pendingWrites: { maxEntries: 1 } });
  await on.unreachable(() => on.cache.set('b', json('1')));
  on.store.hold();
  const deletion = on.cache.delete(KEY);
  const refused = assert.rejects(deletion, { code: 'pending_writes_full' });
  on.cache.keyChanged(KEY, undefined);
  on.changes.length = 0;
  await on.store.next('remove').fail(DOWN);
  await refused;
  assert.deepEqual(on.changes, ['changed']);
});

// ---- reading pending writes

test('a key is read from its pending write before and during the replay, and from L2 afterwards', async (t) => {
  const on = replica(t, { linked: true });
  await on.foreign.set('"old"');
  await on.unreachable(() => on.cache.set(KEY, json('"mine"')));
  // In the state blind, L1 is not trusted. L2 is reachable again and holds the old value.
  assert.deepEqual(await on.read(), ['"mine"', 'pending']);
  assert.equal(on.store.calls.read, 0, 'L2 is not asked');
  on.store.hold();
  const replay = on.cache.replay();
  const call = on.store.next('write');
  assert.deepEqual(await on.read(), ['"mine"', 'pending']);
  call.happen();
  assert.deepEqual(await on.read(), ['"mine"', 'pending']);
  await call.answer();
  await replay;
  on.store.release();
  assert.deepEqual(await on.read(), ['"mine"', 'l2']);
  assert.equal(on.counters.staleHits[TYPE], 3);
});

test('a key with a pending deletion is a miss, even if L2 still holds a value', async (t) => {
  const on = replica(t);
  await on.foreign.set('"old"');
  await on.unreachable(() => on.cache.delete(KEY));
  assert.deepEqual(await on.read(), [undefined, 'pending']);
  assert.deepEqual(await on.cache.refresh(KEY), { entry: undefined, source: 'pending' });
  assert.equal(on.counters.misses[TYPE], 1);
  await on.cache.replay();
  assert.equal(on.stored(), undefined);
  assert.deepEqual(await on.read(), [undefined, 'none']);
});

test('a pending value expires in time, and the older value in L2 is not served', async (t) => {
  const on = replica(t);
  await on.foreign.set('"old"');
  await on.unreachable(() => on.cache.set(KEY, json('"short"'), 1000));
  on.clock.now += 1000;
  assert.deepEqual(await on.read(), [undefined, 'pending']);
  t.mock.timers.reset();
  t.mock.timers.enable({ apis: ['Date'], now: on.clock.now });
  await on.cache.replay();
  assert.deepEqual(await on.read(), [undefined, 'none']);
});

test('a read in progress when a deletion of its key becomes pending does not fill L1', async (t) => {
  const on = replica(t);
  await on.foreign.set('"old"');
  on.store.hold();
  const read = on.cache.load(KEY);
  const call = on.store.next('read');
  call.happen();
  on.store.release();
  await on.unreachable(() => on.cache.delete(KEY));
  await call.answer();
  assert.equal((await read).entry?.json, '"old"', 'the read began before the deletion');
  assert.equal(on.cache.peek(KEY), undefined);
});

test('while a deletion by match is pending, a read of L2 returns only values newer than the deletion', async (t) => {
  const on = replica(t);
  await on.foreign.set('"old"', 'volatility:A');
  await on.foreign.set('"old"', 'volatility:B');
  await on.foreign.set('"old"', 'min_rate:A');
  assert.equal(await on.unreachable(() => on.cache.invalidate({ type: 1 })), undefined);
  await on.foreign.set('"newer"', 'volatility:B');
  assert.deepEqual(await on.read('volatility:A'), [undefined, 'pending']);
  assert.deepEqual(await on.read('volatility:B'), ['"newer"', 'l2']);
  assert.deepEqual(await on.read('min_rate:A'), ['"old"', 'l2']);
  assert.equal(on.cache.peek('volatility:A'), undefined);
  await on.cache.replay();
  assert.equal(on.stored('volatility:A'), undefined);
  assert.equal(on.stored('volatility:B'), '"newer"');
});

test('a key that was set after a pending deletion by match is served, and survives the replay', async (t) => {
  const on = replica(t);
  await on.foreign.set('"old"');
  await on.unreachable(async () => {
    await on.cache.invalidate(EVERYTHING);
    await on.cache.set(KEY, json('"mine"'));
  });
  assert.deepEqual(await on.read(), ['"mine"', 'pending']);
  await on.cache.replay();
  assert.equal(on.stored(), '"mine"');
});

// ---- conditions

test('a conditional change never becomes pending', async (t) => {
  const on = replica(t);
  const condition = { is: 'if-absent' } as const;
  await on.unreachable(async () => {
    await assert.rejects(on.cache.set(KEY, json('1'), undefined, condition), DOWN);
    await assert.rejects(on.cache.delete(KEY, condition), DOWN);
  });
  await assert.rejects(
    on.unanswered('write', () => on.cache.set(KEY, json('1'), undefined, condition), false),
    unknown(TIMEOUT),
  );
  assert.equal(on.pendingWrites.size, 0);
});

test('a conditional change fails while its key or a deletion by match of its key is pending', async (t) => {
  const on = replica(t);
  const condition = { is: 'if-exists' } as const;
  await on.foreign.set('1', 'b');
  await on.unreachable(() => on.cache.set(KEY, json('1')));
  await on.unreachable(() => on.cache.invalidate({ type: 1 }));
  for (const key of [KEY, 'volatility:A']) {
    await assert.rejects(on.cache.set(key, json('2'), undefined, condition), { code: 'l2_unavailable' });
    await assert.rejects(on.cache.delete(key, condition), { code: 'l2_unavailable' });
  }
  assert.equal((await on.cache.set('b', json('2'), undefined, condition)).status, 'replaced');
  await on.cache.replay();
  assert.equal((await on.cache.set(KEY, json('2'), undefined, condition)).status, 'replaced');
  assert.equal((await on.cache.set('volatility:A', json('2'), undefined, condition)).status, 'refused');
});

// ---- replaying

test('a pending write yields to a newer foreign value at its replay, and clients are notified of the change', async (t) => {
  const on = replica(t);
  await on.unreachable(() => on.cache.set(KEY, json('"mine"')));
  await on.foreign.set('"theirs"');
  on.changes.length = 0;
  await on.cache.replay();
  assert.equal(on.stored(), '"theirs"');
  assert.equal(on.cache.peek(KEY), undefined);
  assert.deepEqual(on.changes, ['changed']);
  assert.deepEqual(await on.read(), ['"theirs"', 'l2']);
});

test('a pending deletion yields to a newer foreign value at its replay, and clients are notified of the change', async (t) => {
  const on = replica(t);
  await on.unreachable(() => on.cache.delete(KEY));
  await on.foreign.set('"theirs"');
  on.changes.length = 0;
  await on.cache.replay();
  assert.equal(on.stored(), '"theirs"');
  assert.deepEqual(on.changes, ['changed']);
});

test('a pending value never enters L1, and its replay does not notify clients again', async (t) => {
  const on = replica(t);
  await on.unreachable(() => on.cache.set(KEY, json('"mine"')));
  on.changes.length = 0;
  await on.cache.replay();
  assert.equal(on.stored(), '"mine"');
  assert.equal(on.cache.peek(KEY), undefined);
  assert.deepEqual(on.changes, []);
  assert.equal(on.pendingWrites.size, 0);
  assert.deepEqual(await on.read(), ['"mine"', 'l2']);
});

test('a change that the link reports during the replay of its key is pushed to clients after the replay', async (t) => {
  const on = replica(t);
  await on.unreachable(() => on.cache.delete(KEY));
  on.changes.length = 0;
  on.store.hold();
  const replay = on.cache.replay();
  on.cache.keyChanged(KEY, undefined);
  assert.deepEqual(on.changes, [], 'the state in L2 is unknown during the replay');
  await on.store.next('remove').answer();
  await replay;
  assert.deepEqual(on.changes, ['changed']);
});

test('a read in progress during the replay of a deletion by match does not fill L1', async (t) => {
  const on = replica(t);
  await on.foreign.set('"old"');
  await on.unreachable(() => on.cache.invalidate({ type: TYPE }));
  on.store.hold();
  const replay = on.cache.replay();
  const read = on.cache.load(KEY);
  const call = on.store.next('read');
  call.happen();
  await on.store.next('removeMatching').answer();
  await replay;
  await call.answer();
  await read;
  assert.equal(on.cache.peek(KEY), undefined);
});

test('a write during the replay of its key wins', async (t) => {
  const on = replica(t);
  await on.unreachable(() => on.cache.set(KEY, json('"first"')));
  on.store.hold();
  const replay = on.cache.replay();
  const write = on.cache.set(KEY, json('"second"'));
  await on.store.next('write').answer();
  await on.store.next('write').answer();
  await replay;
  assert.equal((await write).status, 'replaced');
  assert.equal(on.stored(), '"second"');
  on.store.release();
  assert.equal((await on.cache.get(KEY)).entry?.json, '"second"');
  assert.equal(on.pendingWrites.size, 0);
});

test('a write that L2 accepts removes the pending write of its key, which is not replayed', async (t) => {
  const on = replica(t);
  await on.unreachable(() => on.cache.set(KEY, json('"first"')));
  await on.cache.set(KEY, json('"second"'));
  assert.equal(on.pendingWrites.size, 0);
  await on.cache.replay();
  assert.equal(on.store.calls.write, 2);
  assert.equal(on.stored(), '"second"');
});

test('a replay does not undo a deletion in progress', async (t) => {
  const on = replica(t);
  await on.unreachable(() => on.cache.set(KEY, json('"mine"')));
  on.store.hold();
  const deletion = on.cache.delete(KEY);
  const replay = on.cache.replay();
  while (on.store.held.length > 0) await on.store.held.shift()!.answer();
  await Promise.all([deletion, replay]);
  assert.equal(on.stored(), undefined);
  assert.equal(on.pendingWrites.size, 0);
});

test('a deletion by match that L2 applies also deletes pending writes', async (t) => {
  for (const match of [{ type: TYPE }, { pattern: 'borrow_*' }, EVERYTHING]) {
    const on = replica(t);
    await on.unreachable(() => on.cache.set(KEY, json('"mine"')));
    await on.cache.invalidate(match);
    assert.deepEqual(await on.read(), [undefined, 'pending']);
    await on.cache.replay();
    assert.equal(on.stored(), undefined);
    assert.equal(on.pendingWrites.size, 0);
    t.mock.timers.reset();
  }
});

test('a replay in progress does not undo a deletion by match', async (t) => {
  const on = replica(t);
  await on.unreachable(() => on.cache.set(KEY, json('"mine"')));
  on.store.hold();
  const replay = on.cache.replay();
  const deletion = on.cache.invalidate({ type: TYPE });
  // Scans use a separate connection. This scan ends before the write arrives.
  await on.store.next('removeMatching').answer();
  await on.store.next('write').answer();
  assert.equal(on.stored(), '"mine"');
  await on.store.next('remove').answer();
  await Promise.all([replay, deletion]);
  assert.equal(on.stored(), undefined);
  assert.equal(on.pendingWrites.size, 0);
});

test('the late answer to a write does not remove a newer pending write', async (t) => {
  const on = replica(t);
  on.store.hold();
  const first = on.cache.set(KEY, json('"first"'));
  const call = on.store.next('write');
  on.store.release();
  assert.equal((await on.unreachable(() => on.cache.set(KEY, json('"second"')))).status, 'accepted');
  await call.answer();
  assert.equal((await first).status, 'created');
  assert.notEqual(on.cache.peek(KEY)?.json, '"first"');
  assert.deepEqual(await on.read(), ['"second"', 'pending']);
  await on.cache.replay();
  assert.equal(on.stored(), '"second"');
});

test('replaying an unknown write that took effect does no harm', async (t) => {
  const on = replica(t);
  const { version } = await on.unanswered('write', () => on.cache.set(KEY, json('1')), true);
  assert.equal(on.stored(), '1');
  await on.cache.replay();
  assert.equal(on.store.entries.get(KEY)!.version, version);
  assert.deepEqual(await on.read(), ['1', 'l2']);
  assert.equal(on.pendingWrites.size, 0);
});

test('replaying an unknown write that took effect does not undo a later foreign write', async (t) => {
  const on = replica(t);
  await on.unanswered('write', () => on.cache.set(KEY, json('"mine"')), true);
  await on.foreign.set('"theirs"');
  await on.cache.replay();
  assert.equal(on.stored(), '"theirs"');
});

test('replaying an unknown deletion that took effect does no harm', async (t) => {
  const on = replica(t);
  await on.foreign.set('1');
  await on.unanswered('remove', () => on.cache.delete(KEY), true);
  await on.cache.replay();
  assert.equal(on.stored(), undefined);
  assert.equal(on.pendingWrites.size, 0);
});

test('a replay begins when the state becomes coherent or degraded', async (t) => {
  for (const state of ['coherent', 'degraded'] as const) {
    const on = replica(t, { linked: true });
    await on.unreachable(() => on.cache.set(KEY, json('1')));
    on.cache.stateChanged('blind');
    await settled();
    assert.equal(on.pendingWrites.size, 1);
    on.cache.stateChanged(state);
    await settled();
    assert.equal(on.stored(), '1', state);
    assert.equal(on.pendingWrites.size, 0);
    t.mock.timers.reset();
  }
});

test('pending writes are retried every second until L2 accepts them, and not afterwards', async (t) => {
  const on = replica(t);
  on.store.fault = FULL_REDIS;
  await on.cache.set(KEY, json('1'));
  await on.cache.set('b', json('1'));
  const tries: number[] = [];
  for (let second = 0; second < 3; second++) {
    const before = on.store.calls.write;
    t.mock.timers.tick(1000);
    await settled();
    tries.push(on.store.calls.write - before);
  }
  assert.deepEqual(tries, [2, 2, 2]);
  on.store.fault = undefined;
  t.mock.timers.tick(1000);
  await settled();
  assert.deepEqual([on.stored(), on.stored('b'), on.pendingWrites.size], ['1', '1', 0]);
  const { write } = on.store.calls;
  t.mock.timers.tick(60_000);
  await settled();
  assert.equal(on.store.calls.write, write);
  // A later pending write is retried again.
  await on.unreachable(() => on.cache.delete(KEY));
  t.mock.timers.tick(1000);
  await settled();
  assert.equal(on.stored(), undefined);
});

// ---- an L2 that has lost its data

test('after a data loss of Redis, the entries of L1 are written back unless Redis has a newer value', async (t) => {
  const on = replica(t, { rewarm: true, linked: true });
  on.cache.stateChanged('coherent');
  for (const key of ['a', 'b', 'c']) await on.cache.set(key, json(`"${key}"`));
  await on.cache.set('short', json('1'), 1000);
  for (const key of ['a', 'b', 'c', 'short']) await on.cache.get(key);
  on.store.entries.clear();
  on.clock.now += 1000;
  await on.foreign.set('"theirs"', 'b');
  on.cache.allChanged('rearmed', 1);
  assert.equal(on.memory.size, 0, 'L1 is cleared');
  assert.deepEqual(await on.read('a'), ['"a"', 'pending']);
  on.cache.stateChanged('coherent');
  await settled();
  assert.deepEqual(
    ['a', 'b', 'c', 'short'].map((key) => on.stored(key)),
    ['"a"', '"theirs"', '"c"', undefined],
  );
  assert.equal(on.pendingWrites.size, 0);
});

test('a write-back from L1 does not replace a value that another program wrote after the data loss', async (t) => {
  const on = replica(t, { rewarm: true });
  for (const key of ['a', 'b']) {
    await on.cache.set(key, json('"old"'));
    await on.cache.get(key);
  }
  on.store.entries.clear();
  const { now } = on.clock;
  on.store.entries.set('a', new Entry('a', json('"theirs"'), FOREIGN, now, now + 60_000));
  on.cache.allChanged('rearmed', 0);
  await on.cache.replay();
  assert.deepEqual([on.stored('a'), on.stored('b')], ['"theirs"', '"old"']);
  assert.deepEqual(await on.read('a'), ['"theirs"', 'l2']);
});

test('a write-back from L1 does not replace a pending write', async (t) => {
  const on = replica(t, { rewarm: true });
  await on.unreachable(() => on.cache.set(KEY, json('"mine"')));
  const waiting = on.pendingWrites.get(KEY);
  on.cache.allChanged('rearmed', 0);
  assert.equal(on.pendingWrites.get(KEY), waiting);
});

test('a write-back from L1 is limited to the room in the pending writes', async (t) => {
  const on = replica(t, { rewarm: true, pendingWrites: { maxEntries: 2 } });
  for (const key of ['a', 'b', 'c']) {
    await on.cache.set(key, json('1'));
    await on.cache.get(key);
  }
  on.store.entries.clear();
  on.cache.allChanged('rearmed', 0);
  await on.cache.replay();
  assert.deepEqual([...on.store.entries.keys()], ['a', 'b']);
});

test('L1 is not written back if Redis kept its data or rewarm is off', async (t) => {
  for (const [rewarm, keysLeft] of [
    // The same Redis process; a new process that kept its data; a new process that lost its data.
    [true, undefined],
    [true, 1],
    [false, 0],
  ] as const) {
    const on = replica(t, { rewarm });
    await on.cache.set(KEY, json('1'));
    await on.cache.get(KEY);
    on.store.entries.clear();
    on.cache.allChanged('rearmed', keysLeft);
    await on.cache.replay();
    assert.equal(on.pendingWrites.size, 0);
    assert.equal(on.stored(), undefined);
    t.mock.timers.reset();
  }
});
