import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Entry } from '../../../src/cache/entry.ts';
import type { Match } from '../../../src/cache/match.ts';
import { originOf } from '../../../src/cache/origin.ts';
import {
  type Pending,
  type PendingMatch,
  PendingWrites,
} from '../../../src/cache/pending-writes/pending-writes.ts';
import { Replay, type Replayed } from '../../../src/cache/pending-writes/replay.ts';
import { type RemovalOutcome, StoreError, type WriteOutcome } from '../../../src/cache/store.ts';
import { VersionClock } from '../../../src/cache/version.ts';
import { GatedStore, settled } from '../../support/gated-store.ts';

const TTL_MS = 60_000;
const DOWN = new StoreError('unavailable', 'not connected to Redis');
const TIMEOUT = new StoreError('timeout', 'Redis did not answer');
const SERVER = {};
const OTHER_SERVER = {};
const REFUSED = new StoreError('rejected', 'NOPERM no permissions', { kind: 'noperm', passing: true });

/** Pending writes, an L2, and the replay between them. `outcomes` has the outcome of each change, in order. */
function setUp() {
  const clock = { now: Date.now() };
  const store = new GatedStore(clock);
  const pendingWrites = new PendingWrites({ maxEntries: 10_000, maxBytes: 100_000_000 });
  const versions = new VersionClock('0000000a', () => clock.now);
  const outcomes: [key: string, status: (WriteOutcome | RemovalOutcome)['status']][] = [];
  const forgotten: PendingMatch[] = [];
  const replay = new Replay(pendingWrites, store, clock, {
    async write({ pending, change }: Replayed) {
      const { status } = await change();
      pendingWrites.done(pending);
      outcomes.push([pending.key, status]);
    },
    forget: (pending) => forgotten.push(pending),
    serverOf: (key) => (key.startsWith('b:') ? OTHER_SERVER : SERVER),
  });
  const entry = (
    key: string,
    body: string,
    version = versions.next(),
    storedAt = clock.now,
    ttlMs = TTL_MS,
  ) => new Entry(key, { encoding: 'json', body }, version, storedAt, storedAt + ttlMs);
  return {
    clock,
    store,
    pendingWrites,
    versions,
    replay,
    outcomes,
    forgotten,
    keep(key: string, body: string, storedAt?: number): Pending {
      const kept = entry(key, body, versions.next(), storedAt);
      const pending = { key, version: kept.version, entry: kept };
      assert.equal(pendingWrites.put(pending), 'kept');
      return pending;
    },
    keepDeletion(key: string): Pending {
      const pending = { key, version: versions.next(), entry: undefined };
      assert.equal(pendingWrites.put(pending), 'kept');
      return pending;
    },
    keepMatch: (match: Match) => assert.ok(pendingWrites.putMatch({ match, version: versions.next() })),
    /** Puts an entry of another writer into L2. */
    hold: (key: string, body: string, version?: string) => store.entries.set(key, entry(key, body, version)),
    stored: (key: string) => store.entries.get(key)?.json,
  };
}

test('a replayed change that must not replace newer data is refused by newer data in L2', async () => {
  const on = setUp();
  const value = { encoding: 'json', body: '"L2"' } as const;
  const put = (key: string, asOf: number, unlessNewer: number | undefined) => {
    const origin = originOf(2000, 'ibkr');
    const stored = new Entry(key, value, on.versions.next(), on.clock.now, on.clock.now + TTL_MS, origin);
    on.store.entries.set(key, stored);
    const version = on.versions.next();
    const entry = new Entry(
      key,
      { encoding: 'json', body: '"pending"' },
      version,
      on.clock.now,
      on.clock.now + TTL_MS,
      originOf(asOf, 'ibkr'),
    );
    on.pendingWrites.put({ key, version, entry, unlessNewer });
  };
  put('older', 1000, 1000);
  put('equal', 2000, 2000);
  put('unconditional', 1000, undefined);
  await on.replay.run();
  assert.deepEqual(on.outcomes, [
    ['older', 'refused'],
    ['equal', 'replaced'],
    ['unconditional', 'replaced'],
  ]);
  assert.deepEqual(on.store.entries.get('equal')!.origin, { asOf: 2000, source: 'ibkr' });
});

test('a replayed change is applied if L2 has no value or an older value, and is then no longer pending', async () => {
  const on = setUp();
  on.hold('b', '"old"');
  on.hold('c', '"old"');
  on.keep('a', '1');
  const { version } = on.keep('b', '2');
  on.keepDeletion('c');
  on.keepDeletion('d');
  await on.replay.run();
  assert.deepEqual([on.stored('a'), on.stored('b'), on.stored('c')], ['1', '2', undefined]);
  assert.equal(on.store.entries.get('b')!.version, version);
  assert.deepEqual(on.outcomes, [
    ['a', 'created'],
    ['b', 'replaced'],
    ['c', 'deleted'],
    ['d', 'absent'],
  ]);
  assert.equal(on.pendingWrites.size, 0);
});

test('a replayed change is refused if L2 has a newer version or the same version', async () => {
  const on = setUp();
  on.keep('a', '1');
  on.keepDeletion('b');
  const { version } = on.keep('c', '"mine"');
  on.hold('a', '"newer"');
  on.hold('b', '"newer"');
  on.hold('c', '"mine"', version);
  await on.replay.run();
  assert.deepEqual([on.stored('a'), on.stored('b'), on.stored('c')], ['"newer"', '"newer"', '"mine"']);
  assert.deepEqual(on.outcomes, [
    ['a', 'refused'],
    ['b', 'refused'],
    ['c', 'refused'],
  ]);
  assert.equal(on.store.entries.get('c')!.version, version, 'the version was not raised');
  assert.equal(on.pendingWrites.size, 0);
});

test('a replayed value keeps its deadlines', async () => {
  const on = setUp();
  const storedAt = on.clock.now - 50_000;
  on.keep('a', '1', storedAt);
  on.store.hold();
  const run = on.replay.run();
  await on.store.next('write').answer();
  await run;
  const { storedAt: since, expiresAt } = on.store.entries.get('a')!;
  assert.deepEqual([since, expiresAt], [storedAt, storedAt + TTL_MS]);
});

test('a server that does not answer receives one slice of changes, and does not block other servers', async () => {
  const on = setUp();
  for (let i = 0; i < 200; i++) on.keep(`a${i}`, '1');
  on.keep('b:1', '1');
  on.store.hold();
  const run = on.replay.run();
  for (let i = 0; i < 128; i++) await on.store.next('write').fail(DOWN);
  await on.store.next('write').answer();
  await run;
  assert.deepEqual(on.outcomes, [['b:1', 'created']]);
  assert.equal(on.pendingWrites.size, 200);
});

test('an expired pending value is not written, and the older value in L2 is deleted', async () => {
  const on = setUp();
  on.hold('b', '"old"');
  on.keep('a', '1', on.clock.now - TTL_MS);
  on.keep('b', '2', on.clock.now - TTL_MS);
  on.keep('c', '3', on.clock.now - TTL_MS);
  on.hold('c', '"newer"');
  await on.replay.run();
  assert.equal(on.store.calls.write, 0);
  assert.deepEqual([on.stored('a'), on.stored('b'), on.stored('c')], [undefined, undefined, '"newer"']);
  assert.equal(on.pendingWrites.size, 0);
});

test('a replayed deletion by match deletes older values, and leaves newer values', async () => {
  const on = setUp();
  for (let i = 0; i < 1200; i++) on.hold(`volatility:${i}`, '"old"');
  on.hold('min_rate:1', '"other"');
  on.keepMatch({ type: 1 });
  on.hold('volatility:7', '"newer"');
  on.keep('volatility:8', '"kept later"');
  await on.replay.run();
  assert.deepEqual([...on.store.entries.keys()].sort(), ['min_rate:1', 'volatility:7', 'volatility:8']);
  assert.deepEqual([on.stored('volatility:7'), on.stored('volatility:8')], ['"newer"', '"kept later"']);
  assert.deepEqual(
    on.forgotten.map(({ match }) => match),
    [{ type: 1 }],
    'L1 drops the values that it read meanwhile',
  );
  assert.equal(on.pendingWrites.size, 0);
});

test('an unanswered deletion by match does not hold up changes of keys in the same run or a later run', async () => {
  const on = setUp();
  on.hold('a', '"old"');
  on.keepMatch({ pattern: '*' });
  on.keep('b', '1');
  on.store.hold();
  const first = on.replay.run();
  const deletion = on.store.next('removeMatching');
  await on.store.next('write').answer();
  on.keep('c', '1');
  const second = on.replay.run();
  await on.store.next('write').answer();
  assert.equal(on.store.calls.removeMatching, 1, 'the deletion in progress is not sent twice');
  assert.deepEqual(
    on.pendingWrites.matches().map(({ match }) => match),
    [{ pattern: '*' }],
  );
  await deletion.answer();
  await Promise.all([first, second]);
  assert.deepEqual([...on.store.entries.keys()], ['b', 'c'], 'the deletion leaves newer values');
  assert.equal(on.pendingWrites.size, 0);
});

test('a replay sends slices of 128 changes, each after the answers to the previous slice', async () => {
  const on = setUp();
  for (let i = 0; i < 300; i++) on.keep(`k${i}`, '1');
  on.store.hold();
  const run = on.replay.run();
  const sizes: number[] = [];
  while (on.pendingWrites.size > 0) {
    await settled();
    const slice = on.store.held.splice(0);
    sizes.push(slice.length);
    for (const call of slice) await call.answer();
  }
  await run;
  assert.deepEqual(sizes, [128, 128, 44]);
});

test('a change of a key during its replay is replayed afterwards', async () => {
  const on = setUp();
  on.keep('a', '1');
  on.store.hold();
  const run = on.replay.run();
  const first = on.store.next('write');
  const { version } = on.keep('a', '2');
  await first.answer();
  assert.equal(on.stored('a'), '1');
  assert.equal(on.pendingWrites.get('a')?.version, version);
  await on.store.next('write').answer();
  await run;
  assert.equal(on.stored('a'), '2');
  assert.equal(on.pendingWrites.size, 0);
});

test('if L2 becomes unreachable during a replay, the unanswered changes stay pending, and the next run sends them', async () => {
  for (const fault of [DOWN, TIMEOUT]) {
    const on = setUp();
    for (let i = 0; i < 200; i++) on.keep(`k${i}`, '1');
    on.store.hold();
    const run = on.replay.run();
    const slice = on.store.held.splice(0);
    for (const [i, call] of slice.entries()) await (i === 1 ? call.fail(fault) : call.answer());
    await run;
    assert.deepEqual(on.store.held, [], 'no further slice is sent');
    assert.equal(on.pendingWrites.size, 200 - slice.length + 1);
    assert.ok(on.pendingWrites.get('k1'));
    on.store.release();
    await on.replay.run();
    assert.equal(on.stored('k1'), '1');
    assert.equal(on.pendingWrites.size, 0);
  }
});

test('a change that Redis refuses stays pending and does not hold up other changes', async () => {
  const on = setUp();
  for (let i = 0; i < 200; i++) on.keep(`k${i}`, '1');
  on.store.hold();
  const run = on.replay.run();
  await on.store.next('write').fail(REFUSED);
  on.store.release();
  while (on.store.held.length > 0) await on.store.held.shift()!.answer();
  await run;
  assert.deepEqual(
    [...on.pendingWrites.pending()].map(({ key }) => key),
    ['k0'],
  );
  assert.equal(on.store.entries.size, 199);
});

test('a deletion by match that Redis refuses stays pending and does not hold up changes of keys', async () => {
  const on = setUp();
  on.hold('y1', '"old"');
  on.keepMatch({ pattern: 'x*' });
  on.keepMatch({ pattern: 'y*' });
  on.keep('a', '1');
  on.store.hold();
  const run = on.replay.run();
  await on.store.next('removeMatching').fail(REFUSED);
  on.store.release();
  while (on.store.held.length > 0) await on.store.held.shift()!.answer();
  await run;
  assert.deepEqual([...on.store.entries.keys()], ['a']);
  assert.deepEqual(
    on.pendingWrites.matches().map(({ match }) => match),
    [{ pattern: 'x*' }],
  );
  assert.equal(on.pendingWrites.size, 1);
});

test('a deletion by match that L2 did not finish stays pending, and the next run sends it again', async () => {
  const on = setUp();
  for (const key of ['a1', 'a2']) on.hold(key, '"old"');
  on.keepMatch({ pattern: 'a*' });
  on.keep('b', '1');
  on.store.hold();
  const run = on.replay.run();
  await on.store.next('removeMatching').fail(DOWN);
  await on.store.next('write').answer();
  await run;
  assert.equal(on.pendingWrites.size, 1);
  assert.equal(on.stored('a2'), '"old"');
  on.store.release();
  await on.replay.run();
  assert.deepEqual([...on.store.entries.keys()], ['b']);
  assert.equal(on.pendingWrites.size, 0);
});

test('replayed changes are marked as late, so that they get the longer time-out', async () => {
  const on = setUp();
  on.keep('a', '1');
  on.keepDeletion('b');
  const late: unknown[] = [];
  const { write, remove } = on.store;
  on.store.write = (change) => {
    late.push(change.late);
    return write.call(on.store, change);
  };
  on.store.remove = (change) => {
    late.push(change.late);
    return remove.call(on.store, change);
  };
  await on.replay.run();
  assert.deepEqual(late, [true, true]);
});

test('a contested change yields to the value of another program, and an uncontested change replaces it', async () => {
  for (const contested of [true, false]) {
    const on = setUp();
    const [change, deletion] = [on.keep('a', '"mine"'), on.keepDeletion('b')];
    for (const pending of [change, deletion]) if (contested) pending.contested = true;
    for (const key of ['a', 'b']) on.hold(key, '"foreign"', `${'0'.repeat(16)}12345678`);
    await on.replay.run();
    const expected = contested ? ['"foreign"', '"foreign"'] : ['"mine"', undefined];
    assert.deepEqual([on.stored('a'), on.stored('b')], expected);
    assert.equal(on.pendingWrites.size, 0);
  }
});

test('a change that L2 applied without an answer is sent again without harm', async () => {
  const on = setUp();
  const { version } = on.keep('a', '1');
  on.store.hold();
  const run = on.replay.run();
  const call = on.store.next('write');
  call.happen();
  await call.fail(new StoreError('timeout', 'Redis did not answer'));
  await run;
  assert.equal(on.pendingWrites.size, 1);
  on.store.release();
  await on.replay.run();
  assert.deepEqual(on.outcomes, [['a', 'refused']]);
  assert.equal(on.store.entries.get('a')!.version, version);
});

test('a second call of run joins the replay in progress', async () => {
  const on = setUp();
  on.keep('a', '1');
  on.store.hold();
  const [one, two] = [on.replay.run(), on.replay.run()];
  await on.store.next('write').answer();
  await Promise.all([one, two]);
  assert.equal(on.store.calls.write, 1);
});

test('an error that is not a StoreError is thrown', async () => {
  const on = setUp();
  on.keep('a', '1');
  on.store.hold();
  const run = on.replay.run();
  const bug = new TypeError('a bug');
  const failed = assert.rejects(run, bug);
  await on.store.next('write').fail(bug);
  await failed;
});
