import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { getMany } from '../../src/cache/batch.ts';
import { Entry } from '../../src/cache/entry.ts';
import { EVERYTHING, matcher } from '../../src/cache/match.ts';
import { NotReplicated, StoreError } from '../../src/cache/store.ts';
import type { Version } from '../../src/cache/version.ts';
import { settled } from '../support/gated-store.ts';
import {
  DOWN,
  followChanges,
  json,
  KEY,
  openOther,
  openReplica,
  REJECTED,
  TIMEOUT,
  TYPE_TTL_MS,
} from '../support/replica.ts';

// Wherever two versions of a key meet (L1, pending writes, L2 or the link), the newer version wins.

const FOREIGN: Version = `${'0'.repeat(16)}12345678`;
const READONLY = new StoreError('rejected', 'READONLY', { kind: 'readonly', passing: true });

/** A replica whose link is up. `other` is another replica on the same L2. */
function replica(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const on = openReplica({ pendingWrites: {}, linked: true });
  const { cache, store, clock } = on;
  const { cache: other, versions: others } = openOther(on);
  return {
    ...on,
    /** What its clients are notified of. */
    changes: followChanges(cache),
    others,
    /** Another replica sets the key; returns what it announces. */
    async otherSets(body: string, key = KEY): Promise<Version> {
      clock.now++;
      const { version } = await other.set(key, json(body));
      clock.now++;
      return version!;
    },
    /** Another replica deletes the key; returns what it announces. */
    async otherDeletes(): Promise<Version> {
      clock.now++;
      await other.delete(KEY);
      const version = others.next();
      clock.now++;
      return version;
    },
    /** Another program writes the key, without an envelope. */
    foreignSet: (body: string) =>
      store.entries.set(KEY, new Entry(KEY, json(body), FOREIGN, clock.now, clock.now + TYPE_TTL_MS)),
    async read() {
      const { entry, source } = await cache.get(KEY);
      return [entry?.json, source];
    },
  };
}

const ORIGIN = { asOf: 1, source: 'desk' };

/**
 * A write that L2 makes with a raised version, without an answer. `before` runs between the write in L2 and the failure.
 * Returns the version in L2.
 */
async function unreplicatedWrite(
  on: ReturnType<typeof replica>,
  before: (version: Version) => void = () => {},
): Promise<Version> {
  on.store.hold();
  const write = on.cache.set(KEY, json('"mine"'), undefined, undefined, { origin: ORIGIN });
  const call = on.store.next('write');
  // Another replica with a clock that is ahead wrote before it.
  const ahead = `${(on.clock.now + 50).toString(16).padStart(12, '0')}0000eeeeeeee`;
  on.store.entries.set(KEY, new Entry(KEY, json('1'), ahead, on.clock.now, on.clock.now + TYPE_TTL_MS));
  call.happen();
  const { version } = on.store.entries.get(KEY)!;
  assert.ok(version > ahead);
  before(version);
  on.store.release();
  await call.fail(new NotReplicated('Redis did not answer', undefined));
  assert.equal((await write).status, 'unknown');
  return version;
}

// ---- pending writes yield to what the link reports

test('a pending write yields to a newer version that the link reports, before L2 accepts writes', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.set(KEY, json('"mine"')));
  const version = await on.otherSets('"theirs"');
  on.cache.keyChanged(KEY, { reason: 'set', version });
  assert.equal(on.pendingWrites.size, 0);
  assert.deepEqual(await on.read(), ['"theirs"', 'l2']);
  assert.deepEqual(on.superseded, [[KEY, version]]);
  assert.equal(on.counters.supersededChanges, 1);
  await on.cache.replay();
  assert.equal(on.stored(), '"theirs"');
});

test('a pending write yields to a later deletion that a replica announces, and is not replayed', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.set(KEY, json('"mine"')));
  const version = await on.otherDeletes();
  on.cache.keyChanged(KEY, { reason: 'delete', version });
  await on.cache.replay();
  assert.equal(on.stored(), undefined);
  assert.deepEqual(await on.read(), [undefined, 'none']);
});

test('a pending write yields to a later deletion by match, and not to an earlier one', async (t) => {
  const on = replica(t);
  const before = on.others.next();
  on.clock.now++;
  await on.failing(DOWN, () => on.cache.set(KEY, json('"mine"')));
  on.cache.matchChanged({ pattern: 'borrow_rate:*' }, 'delete', before);
  assert.equal(on.pendingWrites.size, 1, 'the write came after the deletion');
  on.clock.now++;
  on.cache.matchChanged({ pattern: 'borrow_rate:*' }, 'delete', on.others.next());
  assert.equal(on.pendingWrites.size, 0);
});

test('a pending write does not yield to an older version that the link reports late', async (t) => {
  const on = replica(t);
  const version = await on.otherSets('"older"');
  await on.failing(DOWN, () => on.cache.set(KEY, json('"mine"')));
  on.cache.keyChanged(KEY, { reason: 'set', version });
  assert.deepEqual(await on.read(), ['"mine"', 'pending']);
  await on.cache.replay();
  assert.equal(on.stored(), '"mine"');
  assert.deepEqual(on.superseded, []);
});

test('the echo of a timed-out write that Redis applied removes it from the pending writes', async (t) => {
  const on = replica(t);
  on.store.hold();
  const write = on.cache.set(KEY, json('"mine"'));
  const call = on.store.next('write');
  call.happen();
  await call.fail(TIMEOUT);
  const { status, version } = await write;
  assert.equal(status, 'unknown');
  on.cache.keyChanged(KEY, { reason: 'set', version: version! });
  assert.equal(on.pendingWrites.size, 0);
  assert.deepEqual(on.superseded, [], 'the write took effect');
});

test('a pending write yields to a later write of another program, and its replay reports it as superseded', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.set(KEY, json('"mine"')));
  on.foreignSet('"foreign"');
  on.cache.keyChanged(KEY, undefined);
  assert.deepEqual(await on.read(), ['"mine"', 'pending'], 'the answer is marked as pending');
  await on.cache.replay();
  assert.equal(on.stored(), '"foreign"');
  assert.deepEqual(on.superseded, [[KEY, FOREIGN]]);
});

test('a pending write replaces an earlier value of another program', async (t) => {
  const on = replica(t);
  on.foreignSet('"foreign"');
  await on.failing(DOWN, () => on.cache.set(KEY, json('"mine"')));
  await on.cache.replay();
  assert.equal(on.stored(), '"mine"');
});

// ---- an older write that times out

test('a timed-out write does not replace a newer acknowledged write', async (t) => {
  const on = replica(t);
  on.store.hold();
  const older = on.cache.set(KEY, json('"older"'));
  const newer = on.cache.set(KEY, json('"newer"'));
  const [first, second] = [on.store.next('write'), on.store.next('write')];
  await second.answer();
  assert.equal((await newer).status, 'created');
  await first.fail(TIMEOUT);
  assert.equal((await older).status, 'unknown');
  on.store.release();
  assert.equal(on.pendingWrites.size, 0, 'no write is pending');
  assert.deepEqual(await on.read(), ['"newer"', 'l2']);
  await on.cache.replay();
  assert.equal(on.stored(), '"newer"');
});

test('a timed-out write does not undo a newer acknowledged deletion', async (t) => {
  const on = replica(t);
  on.store.hold();
  const write = on.cache.set(KEY, json('"older"'));
  const removal = on.cache.delete(KEY);
  const [writing, removing] = [on.store.next('write'), on.store.next('remove')];
  await removing.answer();
  await removal;
  await writing.fail(TIMEOUT);
  assert.equal((await write).status, 'unknown');
  on.store.release();
  await on.cache.replay();
  assert.deepEqual(await on.read(), [undefined, 'none']);
  assert.equal(on.stored(), undefined);
});

test('a timed-out write does not replace a newer pending write or a newer pending deletion', async (t) => {
  for (const newer of ['"newer"', undefined]) {
    const on = replica(t);
    on.store.hold();
    const older = on.cache.set(KEY, json('"older"'));
    const call = on.store.next('write');
    on.store.release();
    await on.failing(DOWN, async () =>
      newer === undefined ? on.cache.delete(KEY) : on.cache.set(KEY, json(newer)),
    );
    await call.fail(TIMEOUT);
    assert.equal((await older).status, 'unknown');
    assert.deepEqual(await on.read(), [newer, 'pending']);
    await on.cache.replay();
    assert.equal(on.stored(), newer);
    t.mock.timers.reset();
  }
});

test('a timed-out write yields to a newer change that the link reported meanwhile', async (t) => {
  for (const change of ['otherSets', 'otherDeletes'] as const) {
    const on = replica(t);
    on.store.hold();
    const write = on.cache.set(KEY, json('"mine"'));
    const call = on.store.next('write');
    on.store.release();
    const version = await on[change]('"theirs"');
    on.cache.keyChanged(KEY, { reason: change === 'otherSets' ? 'set' : 'delete', version });
    await call.fail(TIMEOUT);
    assert.equal((await write).status, 'unknown');
    assert.equal(on.pendingWrites.size, 0);
    await on.cache.replay();
    assert.equal(on.stored(), change === 'otherSets' ? '"theirs"' : undefined);
    assert.equal(on.changes.at(-1), 'changed', 'clients end with the state of L2');
    t.mock.timers.reset();
  }
});

test('the late answer to an older write does not fill L1', async (t) => {
  const on = replica(t);
  on.store.hold();
  const older = on.cache.set(KEY, json('"older"'));
  const newer = on.cache.set(KEY, json('"newer"'));
  const [first, second] = [on.store.next('write'), on.store.next('write')];
  first.happen();
  await second.answer();
  await first.answer();
  await Promise.all([older, newer]);
  on.store.release();
  assert.equal(on.memory.cached(KEY), undefined);
  assert.deepEqual(await on.read(), ['"newer"', 'l2']);
});

test('a timed-out write drops an older entry from L1', async (t) => {
  const on = replica(t);
  await on.cache.set(KEY, json('"old"'));
  on.store.hold();
  const write = on.cache.set(KEY, json('"mine"'));
  await on.store.next('write').fail(TIMEOUT);
  await write;
  assert.equal(on.memory.cached(KEY), undefined);
});

// ---- changes that were not sent, or were refused

test('a change that was not sent or was refused leaves the entry in L1', async (t) => {
  const condition = { is: 'if-exists' } as const;
  for (const [fault, conditional] of [
    [DOWN, true],
    [READONLY, true],
    [REJECTED, false],
    [REJECTED, true],
  ] as const) {
    const on = replica(t);
    await on.cache.set(KEY, json('"held"'));
    await on.cache.get(KEY);
    const asked = conditional ? condition : undefined;
    await on.failing(fault, async () => {
      await assert.rejects(on.cache.set(KEY, json('"new"'), undefined, asked), fault);
      await assert.rejects(on.cache.delete(KEY, asked), fault);
    });
    assert.equal(on.memory.fresh(KEY)?.json, '"held"', `${fault.message} ${conditional}`);
    t.mock.timers.reset();
  }
});

test('a pending write is restored when the deletion that replaced it is refused', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.set(KEY, json('"mine"')));
  await on.failing(REJECTED, () => assert.rejects(on.cache.delete(KEY), REJECTED));
  assert.deepEqual(await on.read(), ['"mine"', 'pending']);
});

// ---- the mark of a pending write

test('a pending write is marked in every answer of get and mget', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, async () => {
    await on.cache.set(KEY, json('"mine"'));
    await on.cache.delete('gone');
  });
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await on.read(), ['"mine"', 'pending']);
    const [mine, gone] = await getMany(on.cache, [KEY, 'gone'], 512);
    assert.deepEqual(
      { ...mine, entry: undefined },
      { key: KEY, status: 'hit', entry: undefined, code: 'l2_unavailable' },
    );
    assert.deepEqual(gone, { key: 'gone', status: 'miss', code: 'l2_unavailable' });
  }
});

test('pendingKeys lists the keys of pending values that match, without the keys of pending deletions', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, async () => {
    await on.cache.set('volatility:A', json('1'));
    await on.cache.set('volatility:B', json('1'));
    await on.cache.set('min_rate:A', json('1'));
    await on.cache.delete('volatility:B');
  });
  assert.deepEqual(on.cache.pendingKeys(matcher({ type: 1 })), ['volatility:A']);
  assert.deepEqual(on.cache.pendingKeys(matcher(EVERYTHING)), ['volatility:A', 'min_rate:A']);
});

// ---- deletions by match

test('a value that is written while a flush scans survives in L2 and for clients', async (t) => {
  for (const match of [EVERYTHING, { pattern: 'borrow_*' }, { type: 0 }]) {
    const on = replica(t);
    await on.cache.set(KEY, json('"old"'));
    await on.cache.set('borrow_rate:B', json('"old"'));
    on.clock.now++;
    on.store.hold();
    const flush = on.cache.invalidate(match);
    const scan = on.store.next('removeMatching');
    on.store.release();
    on.clock.now++;
    await on.cache.set(KEY, json('"new"'));
    await scan.answer();
    assert.equal(await flush, 1, 'only the other key is deleted');
    assert.equal(on.stored(), '"new"');
    assert.deepEqual(await on.read(), ['"new"', 'l2']);
    // Clients receive it, and again after the notice: see `matchRemoved` in the tests of the hub.
    assert.deepEqual(on.changes.slice(-2), ['stored "new"', 'match']);
    t.mock.timers.reset();
  }
});

test('an announced deletion by match spares newer entries in L1, and a deletion by match without a version spares none', async (t) => {
  const on = replica(t);
  await on.cache.set('volatility:OLD', json('1'));
  await on.cache.get('volatility:OLD');
  on.clock.now++;
  const version = on.others.next();
  on.clock.now++;
  await on.cache.set('volatility:NEW', json('1'));
  await on.cache.get('volatility:NEW');
  on.cache.matchChanged({ type: 1 }, 'delete', version);
  assert.equal(on.memory.cached('volatility:OLD'), undefined);
  assert.ok(on.memory.cached('volatility:NEW'));
  on.cache.matchChanged({ type: 1 }, 'remote');
  assert.equal(on.memory.cached('volatility:NEW'), undefined);
});

test('while another replica deletes by match, older pending writes of its keys wait, and its end drops them', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, async () => {
    await on.cache.set('volatility:OLDER', json('1'));
    await on.cache.set('borrow_rate:OTHER', json('1'));
  });
  on.clock.now++;
  const version = on.others.next();
  on.clock.now++;
  await on.failing(DOWN, () => on.cache.set('volatility:NEWER', json('1')));
  on.cache.matchDeleting({ type: 1 }, version);
  await on.cache.replay();
  const kept = () => [...on.pendingWrites.pending()].map(({ key }) => key);
  assert.deepEqual([...on.store.entries.keys()], ['borrow_rate:OTHER', 'volatility:NEWER']);
  assert.deepEqual(kept(), ['volatility:OLDER'], 'the deletion may still fail');
  on.cache.matchChanged({ type: 1 }, 'delete', version);
  assert.deepEqual(kept(), []);
  assert.deepEqual(on.superseded, [['volatility:OLDER', version]]);
});

test('a pending write is replayed as soon as the deletion by match that held it back fails', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.set('volatility:A', json('1')));
  on.clock.now++;
  const version = on.others.next();
  on.cache.matchDeleting({ type: 1 }, version);
  await on.cache.replay();
  assert.equal(on.store.entries.has('volatility:A'), false);
  on.cache.matchFailed(version);
  await settled();
  assert.ok(on.store.entries.has('volatility:A'));
});

test('clients are notified of the newer value of a key when its pending deletion yields to a deletion by match', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.delete('volatility:A'));
  on.clock.now++;
  const version = on.others.next();
  await on.otherSets('"newer"', 'volatility:A');
  on.changes.length = 0;
  on.cache.matchChanged({ type: 1 }, 'delete', version);
  assert.deepEqual(on.changes, ['match', 'volatility:A changed']);
  assert.equal((await on.cache.get('volatility:A')).entry?.json, '"newer"');
});

test('a pending write is replayed when another replica has not finished its deletion by match within 5 seconds', async (t) => {
  const monotonic = { now: 1000 };
  t.mock.method(performance, 'now', () => monotonic.now);
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.set('volatility:A', json('1')));
  on.clock.now++;
  on.cache.matchDeleting({ type: 1 }, on.others.next());
  monotonic.now += 4999;
  await on.cache.replay();
  assert.equal(on.store.calls.write, 1, 'only the write that failed was sent');
  monotonic.now += 1;
  await on.cache.replay();
  assert.ok(on.store.entries.has('volatility:A'));
});

test('the next replay sends a held-back pending write after another replica reports that its deletion by match failed', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.set('volatility:A', json('1')));
  on.clock.now++;
  const version = on.others.next();
  on.cache.matchDeleting({ type: 1 }, version);
  await on.cache.replay();
  assert.equal(on.store.entries.size, 0);
  on.cache.matchFailed(version);
  await on.cache.replay();
  assert.ok(on.store.entries.has('volatility:A'));
  assert.deepEqual(on.superseded, []);
});

test('a deletion by match that Redis refuses leaves the pending writes of its keys', async (t) => {
  const on = replica(t);
  await on.failing(DOWN, () => on.cache.set(KEY, json('"mine"')));
  await on.failing(REJECTED, () => assert.rejects(on.cache.invalidate({ type: 0 }), REJECTED));
  assert.deepEqual(await on.read(), ['"mine"', 'pending']);
});

test('a write that fails after Redis refused a later deletion by match becomes pending', async (t) => {
  const on = replica(t);
  on.store.hold();
  const write = on.cache.set('volatility:A', json('1'));
  on.clock.now++;
  const deletion = on.cache.invalidate({ type: 1 });
  const failed = assert.rejects(deletion, REJECTED);
  await on.store.next('removeMatching').fail(REJECTED);
  await failed;
  await on.store.next('write').fail(DOWN);
  assert.equal((await write).status, 'accepted');
  assert.equal(on.pendingWrites.get('volatility:A')?.entry?.json, '1');
});

test('while a deletion by match is pending, a miss of a key that L2 still has is marked as pending', async (t) => {
  const on = replica(t);
  await on.otherSets('"old"');
  await on.failing(DOWN, () => on.cache.invalidate({ type: 0 }));
  assert.deepEqual(await on.read(), [undefined, 'pending']);
  await on.cache.replay();
  assert.deepEqual(await on.read(), [undefined, 'none']);
});

// ---- invalid TTLs

test('an invalid TTL fails only its own write', async (t) => {
  const on = replica(t);
  const writes = await Promise.allSettled([
    on.cache.set('a', json('1'), 1004.9999999999999),
    on.cache.set('b', json('1'), 1e303),
    on.cache.set('c', json('1'), Number.NaN),
    on.cache.set('d', json('1'), 0.2),
  ]);
  assert.deepEqual(
    writes.map((write) => (write.status === 'fulfilled' ? write.value.status : write.reason.code)),
    ['created', 'ttl_invalid', 'ttl_invalid', 'created'],
  );
  const lives = ['a', 'd'].map((key) => {
    const { storedAt, expiresAt } = on.store.entries.get(key)!;
    return expiresAt - storedAt;
  });
  assert.deepEqual(lives, [1005, 1]);
});

// ---- values that other programs wrote

test('after a read returned the value of another program, L1 does not serve an older own write', async (t) => {
  const on = replica(t);
  on.store.hold();
  const write = on.cache.set(KEY, json('"ours"'));
  const read = on.cache.load(KEY);
  const [writing, reading] = [on.store.next('write'), on.store.next('read')];
  writing.happen();
  // Another program writes later. Its version compares less than every stamp, and does not show its time.
  on.foreignSet('"foreign"');
  reading.happen();
  await Promise.all([reading.answer(), writing.answer()]);
  assert.equal((await read).entry?.json, '"foreign"');
  await write;
  on.store.release();
  assert.equal((await on.read())[0], '"foreign"');
});

test('an own write drops the value of another program from L1 when their order is unknown', async (t) => {
  const on = replica(t);
  on.foreignSet('"foreign"');
  on.store.hold();
  const read = on.cache.load(KEY);
  const write = on.cache.set(KEY, json('"ours"'));
  const [reading, writing] = [on.store.next('read'), on.store.next('write')];
  reading.happen();
  writing.happen();
  await Promise.all([reading.answer(), writing.answer()]);
  await Promise.all([read, write]);
  on.store.release();
  assert.deepEqual(await on.read(), ['"ours"', 'l2']);
});

// ---- the clock

test('a clock step moves the stamps of pending writes by the same amount, and empties L1', async (t) => {
  const on = replica(t);
  await on.cache.set(KEY, json('"held"'));
  await on.failing(DOWN, () => on.cache.set('pending', json('1')));
  const before = on.pendingWrites.get('pending')!;
  on.clock.now -= 3_600_000;
  on.cache.clockStepped(-3_600_000);
  assert.equal(on.memory.size, 0);
  const after = on.pendingWrites.get('pending')!;
  assert.ok(after.version < before.version);
  assert.equal(after.entry!.expiresAt, before.entry!.expiresAt - 3_600_000);
  const { version } = await on.cache.set('next', json('1'));
  assert.ok(version! > after.version && version! < before.version, 'stamps follow the clock back');
});

test('a timed-out write that L2 had applied is not reported as superseded by itself', async (t) => {
  const on = replica(t);
  on.store.hold();
  const write = on.cache.set(KEY, json('"made"'));
  await settled();
  const sent = on.store.next('write');
  sent.happen();
  await sent.fail(TIMEOUT);
  assert.equal((await write).status, 'unknown');
  on.store.release();
  await on.cache.replay();
  assert.equal(on.pendingWrites.size, 0);
  assert.equal(on.stored(), '"made"');
  assert.deepEqual([on.superseded, on.counters.supersededChanges], [[], 0]);
});

test('the report of a write without an answer and with a raised version does not settle it where replicas must have it', async (t) => {
  const on = replica(t);
  const version = await unreplicatedWrite(on, (raised) =>
    on.cache.keyChanged(KEY, { reason: 'set', version: raised }),
  );
  assert.equal(on.pendingWrites.get(KEY)?.version, version);
  assert.deepEqual(on.superseded, []);

  // A replica that never received the write becomes the master.
  on.store.entries.clear();
  await on.cache.replay();
  assert.equal(on.stored(), '"mine"');
  assert.equal(on.pendingWrites.size, 0);
});

test('the same report after the time-out does not settle it either, and the replay has the raised version', async (t) => {
  const on = replica(t);
  const version = await unreplicatedWrite(on);
  assert.ok(on.pendingWrites.get(KEY)!.version < version);
  on.cache.keyChanged(KEY, { reason: 'set', version });
  const pending = on.pendingWrites.get(KEY)!;
  assert.deepEqual(
    [pending.version, pending.entry?.json, pending.entry?.origin],
    [version, '"mine"', ORIGIN],
  );
  assert.deepEqual(on.superseded, []);
  await on.cache.replay();
  assert.deepEqual([on.pendingWrites.size, on.counters.supersededChanges], [0, 0]);
});

test('a later write of another replica settles a write that replicas must have', async (t) => {
  const on = replica(t);
  const raised = await unreplicatedWrite(on);
  on.cache.keyChanged(KEY, { reason: 'set', version: raised });
  on.clock.now += 100;
  const version = await on.otherSets('"theirs"');
  on.cache.keyChanged(KEY, { reason: 'set', version });
  assert.equal(on.pendingWrites.size, 0);
  assert.deepEqual(on.superseded, [[KEY, version]]);
});

test('a later own write that L2 acknowledges with a raised version settles a write that replicas must have', async (t) => {
  const on = replica(t);
  const raised = await unreplicatedWrite(on);
  on.store.hold();
  const later = on.cache.set(KEY, json('"later"'));
  const call = on.store.next('write');
  call.happen();
  const { version } = on.store.entries.get(KEY)!;
  assert.ok(version > raised);
  on.cache.keyChanged(KEY, { reason: 'set', version });
  on.store.release();
  await call.answer();
  assert.equal((await later).status, 'replaced');
  assert.equal(on.pendingWrites.size, 0);
  assert.deepEqual(await on.read(), ['"later"', 'l2']);
});

// ---- another program changes the key while an own change waits for its answer

/** Starts a change in L2. Returns the call, which the test ends. */
function begin(on: ReturnType<typeof replica>, operation: 'write' | 'remove') {
  on.store.hold();
  const outcome = operation === 'write' ? on.cache.set(KEY, json('"mine"')) : on.cache.delete(KEY);
  const call = on.store.next(operation);
  on.store.release();
  return { outcome, call, stamp: call.stamp! };
}

test('a write or a deletion that too few replicas have does not replace a later value of another program', async (t) => {
  for (const operation of ['write', 'remove'] as const) {
    const on = replica(t);
    const { outcome, call, stamp } = begin(on, operation);
    call.happen();
    on.cache.keyChanged(KEY, { reason: operation === 'write' ? 'set' : 'delete', version: stamp });
    on.foreignSet('"theirs"');
    on.cache.keyChanged(KEY, undefined);
    await call.fail(new NotReplicated('0 of 1 replicas', operation === 'write' ? stamp : undefined));
    assert.equal((await outcome).status, 'unknown');
    assert.equal(on.pendingWrites.size, 1);
    await on.cache.replay();
    assert.deepEqual([on.stored(), on.pendingWrites.size], ['"theirs"', 0], operation);
    t.mock.timers.reset();
  }
});

test('a write that timed out yields to a value of another program that the link reported meanwhile', async (t) => {
  const on = replica(t);
  const { call } = begin(on, 'write');
  on.foreignSet('"theirs"');
  on.cache.keyChanged(KEY, undefined);
  await call.fail(TIMEOUT);
  await on.cache.replay();
  assert.deepEqual([on.stored(), on.pendingWrites.size], ['"theirs"', 0]);
});

test('a write that timed out is made if Redis did not make it, although the link reported a change without a version', async (t) => {
  const on = replica(t);
  await on.otherSets('"older"');
  const { call } = begin(on, 'write');
  on.cache.keyChanged(KEY, undefined);
  await call.fail(TIMEOUT);
  await on.cache.replay();
  assert.deepEqual([on.stored(), on.pendingWrites.size], ['"mine"', 0]);
});

test('a write that Redis made without an answer is not superseded by its own report without a version', async (t) => {
  const on = replica(t);
  const { call, stamp } = begin(on, 'write');
  call.happen();
  on.cache.keyChanged(KEY, undefined);
  await call.fail(TIMEOUT);
  await on.cache.replay();
  assert.deepEqual([on.store.entries.get(KEY)!.version, on.pendingWrites.size], [stamp, 0]);
  assert.deepEqual([on.superseded, on.counters.supersededChanges], [[], 0]);
});

test('a write that too few replicas have replaces an earlier value of another program after a failover', async (t) => {
  for (const report of ['before', 'none'] as const) {
    const on = replica(t);
    const { call, stamp } = begin(on, 'write');
    on.foreignSet('"theirs"');
    if (report === 'before') on.cache.keyChanged(KEY, undefined);
    on.cache.keyChanged(KEY, { reason: 'set', version: stamp });
    // The new master has the earlier value only, and the link is armed again.
    if (report === 'none') on.cache.allChanged('rearmed');
    await call.fail(new NotReplicated('0 of 1 replicas', stamp));
    await on.cache.replay();
    assert.deepEqual([on.stored(), on.pendingWrites.size], ['"mine"', 0], report);
    t.mock.timers.reset();
  }
});

test('a write replaces a value of another program that was reported before it began, during an earlier write', async (t) => {
  const on = replica(t);
  const first = begin(on, 'write');
  on.foreignSet('"theirs"');
  on.cache.keyChanged(KEY, undefined);
  const second = begin(on, 'write');
  await second.call.fail(TIMEOUT);
  await first.call.fail(TIMEOUT);
  await on.cache.replay();
  assert.equal(on.store.entries.get(KEY)!.version, second.stamp);
});
