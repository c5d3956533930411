import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getMany, setMany } from '../../src/cache/batch.ts';
import type { Announced } from '../../src/cache/bus.ts';
import type { Entry } from '../../src/cache/entry.ts';
import { typeOf } from '../../src/key.ts';
import { settled } from '../support/gated-store.ts';
import {
  DOWN,
  followChanges,
  json,
  KEY,
  openOther,
  openReplica,
  type ReplicaOptions,
  TIMEOUT,
} from '../support/replica.ts';

// The interleavings of a replica's calls to L2, their answers, and the invalidation link. Calls to L2 wait at gates.
// `echo` is the link's message. It arrives on another socket, and so at any moment after the change.

/** A replica whose link is up. */
function replica(options: ReplicaOptions = {}) {
  const on = openReplica({ ...options, linked: true });
  const { cache, store } = on;
  const other = openOther(on).cache;
  return {
    ...on,
    /** What its clients are notified of. */
    changes: followChanges(cache),
    /** Another replica writes; the link has not reported it yet. */
    foreignWrite: (body: string, key = KEY) => other.set(key, json(body)),
    foreignDelete: (key = KEY) => other.delete(key),
    /** The link reports that the key changed. */
    echo: (key = KEY, announced?: Announced) => cache.keyChanged(key, announced),
    /** An own write that was answered, and a read that filled L1 with it. The link has not reported the write yet. */
    async ownWrite(body: string) {
      store.release();
      await cache.set(KEY, json(body));
      await cache.get(KEY);
      store.hold();
    },
  };
}

type Replica = ReturnType<typeof replica>;

const bodyOf = async (read: Promise<{ entry: Entry | undefined }>) => (await read).entry?.json;

/** Answers all open calls to L2, and the calls that follow them. */
async function answerAll({ store }: Replica): Promise<void> {
  store.release();
  while (store.held.length > 0) await store.held.shift()!.answer();
  await settled();
}

// ---- flight.ts: a read in progress, and an invalidation

test('a read that starts after an invalidation returns the new value and fills L1', async () => {
  const on = replica();
  await on.foreignWrite('"old"');
  await on.cache.get(KEY);
  await on.foreignWrite('"new"');
  on.echo();
  assert.equal(await bodyOf(on.cache.get(KEY)), '"new"');
  assert.equal(on.held(), '"new"');
});

test('a read that an invalidation fences returns the old value and does not fill L1', async () => {
  const on = replica();
  await on.foreignWrite('"old"');
  on.store.hold();
  const read = on.cache.load(KEY);
  const call = on.store.next('read');
  call.happen();
  await on.foreignWrite('"new"');
  on.echo();
  await call.answer();
  assert.equal(await bodyOf(read), '"old"');
  assert.equal(on.held(), undefined);
});

test('an invalidation deletes the entry that a read stored in L1', async () => {
  const on = replica();
  await on.foreignWrite('"old"');
  await on.cache.get(KEY);
  await on.foreignWrite('"new"');
  assert.equal(on.held(), '"old"');
  on.echo();
  assert.equal(on.held(), undefined);
  assert.deepEqual(on.changes, ['changed']);
});

test('a read after an invalidation does not join a flight from before it', async () => {
  const on = replica();
  await on.foreignWrite('"old"');
  on.store.hold();
  const before = on.cache.load(KEY);
  const first = on.store.next('read');
  first.happen();
  await on.foreignWrite('"new"');
  on.echo();
  const after = on.cache.load(KEY);
  await first.answer();
  await on.store.next('read').answer();
  assert.equal(await bodyOf(before), '"old"');
  assert.equal(await bodyOf(after), '"new"');
  assert.equal(on.held(), '"new"');
});

test('a deletion by match, a flush and a rearmed link fence the reads in progress', async () => {
  const events: Record<string, (on: Replica) => void> = {
    match: ({ cache }) => cache.matchChanged({ type: typeOf(KEY) }, 'delete'),
    pattern: ({ cache }) => cache.matchChanged({ pattern: '*AAPL' }, 'remote'),
    flush: ({ cache }) => cache.allChanged('flush'),
    rearmed: ({ cache }) => cache.allChanged('rearmed'),
  };
  for (const [name, event] of Object.entries(events)) {
    const on = replica();
    await on.foreignWrite('"old"');
    on.store.hold();
    const read = on.cache.load(KEY);
    const call = on.store.next('read');
    call.happen();
    await on.foreignDelete();
    event(on);
    await call.answer();
    assert.equal(await bodyOf(read), '"old"', name);
    assert.equal(on.held(), undefined, name);
  }
});

test('an invalidation of a key fences only that key of a batch read', async () => {
  const on = replica();
  for (const key of ['a', 'b', 'c']) await on.foreignWrite('"old"', key);
  on.store.hold();
  const batch = getMany(on.cache, ['a', 'b', 'c'], 512);
  const calls = ['a', 'b', 'c'].map(() => on.store.next('read'));
  for (const call of calls) call.happen();
  await on.foreignWrite('"new"', 'b');
  on.echo('b');
  for (const call of calls) await call.answer();
  const results = await batch;
  assert.deepEqual(
    results.map((result) => ('entry' in result ? result.entry?.json : undefined)),
    ['"old"', '"old"', '"old"'],
  );
  assert.deepEqual([on.held('a'), on.held('b'), on.held('c')], ['"old"', undefined, '"old"']);
});

// ---- `#land` in two-level.ts

test('after a fenced read returned a newer value, L1 does not serve the older value', async () => {
  const on = replica();
  await on.ownWrite('"old"');
  on.clock.now += 60_000;
  await on.foreignWrite('"new"');
  const read = on.cache.get(KEY);
  const call = on.store.next('read');
  call.happen();
  // Fences the read, and puts the older value into L1 again.
  const old = on.memory.cached(KEY)!;
  on.echo();
  on.memory.set(old);
  assert.equal(on.held(), '"old"');
  await call.answer();
  assert.equal(await bodyOf(read), '"new"');
  assert.notEqual(on.held(), '"old"');
});

test('after a read found no value, L1 does not serve the older value', async () => {
  const on = replica();
  await on.ownWrite('"old"');
  on.clock.now += 60_000;
  await on.foreignDelete();
  const read = on.cache.get(KEY);
  await on.store.next('read').answer();
  assert.equal(await bodyOf(read), undefined);
  assert.equal(on.memory.cached(KEY), undefined);
});

test('a write that is answered together with a later read does not fill L1 with a value older than the read returned', async () => {
  for (const changed of ['written', 'deleted']) {
    for (const readFirst of [false, true]) {
      const on = replica();
      await on.foreignWrite('"old"');
      on.store.hold();
      const write = on.cache.set(KEY, json('"ours"'));
      const read = on.cache.load(KEY);
      const [writing, reading] = [on.store.next('write'), on.store.next('read')];
      writing.happen();
      if (changed === 'written') await on.foreignWrite('"theirs"');
      else await on.foreignDelete();
      reading.happen();
      // One chunk of the socket holds both answers, so neither is handled before the other has arrived.
      const answers = readFirst ? [reading.answer(), writing.answer()] : [writing.answer(), reading.answer()];
      await Promise.all([...answers, write, read]);
      const seen = changed === 'written' ? '"theirs"' : undefined;
      assert.equal(await bodyOf(read), seen);
      assert.ok([undefined, seen].includes(on.held() as string | undefined), `${changed}: ${on.held()}`);
      on.echo();
      await answerAll(on);
      assert.ok([undefined, seen].includes(on.held() as string | undefined));
      assert.equal(on.changes.at(-1), 'changed', 'clients must be notified of the later change');
    }
  }
});

// ---- own-writes.ts: an own write, its echo, and other writes behind the echo

test('an own write enters L1 only when it is read, whether the echo comes before or after the reply', async () => {
  for (const moments of [['before'], ['after'], ['before', 'after'], ['after', 'after']]) {
    const on = replica();
    await on.ownWrite('"old"');
    const write = on.cache.set(KEY, json('"ours"'));
    const call = on.store.next('write');
    call.happen();
    if (moments.includes('before')) on.echo();
    await call.answer();
    await write;
    assert.equal(on.held(), undefined);
    for (const moment of moments) if (moment === 'after') on.echo();
    on.store.release();
    assert.equal(await bodyOf(on.cache.get(KEY)), '"ours"');
    assert.equal(on.held(), '"ours"');
  }
});

test('clients are notified of an own write once, and its echo makes the replica look for a later write', async () => {
  for (const moments of [['before'], ['after']]) {
    const on = replica();
    on.store.hold();
    const write = on.cache.set(KEY, json('"ours"'));
    const call = on.store.next('write');
    call.happen();
    if (moments.includes('before')) on.echo();
    await call.answer();
    await write;
    if (moments.includes('after')) on.echo();
    assert.deepEqual(on.changes, ['stored "ours"', 'changed']);
  }
});

test('an echo deletes the L1 entry that was read after an own write', async () => {
  const on = replica();
  await on.ownWrite('"ours"');
  assert.equal(on.held(), '"ours"');
  await on.foreignWrite('"theirs"');
  on.echo();
  assert.equal(on.held(), undefined);
});

test('a foreign write that shares the echo of an own write is found, whether the echo comes before or after the reply', async () => {
  for (const echoed of ['before the reply', 'after the reply']) {
    for (const change of ['written', 'deleted']) {
      const on = replica();
      on.store.hold();
      const write = on.cache.set(KEY, json('"ours"'));
      const call = on.store.next('write');
      call.happen();
      // Both changes in one turn of Redis's loop: one message for the two.
      if (change === 'written') await on.foreignWrite('"theirs"');
      else await on.foreignDelete();
      if (echoed === 'before the reply') on.echo();
      await call.answer();
      await write;
      if (echoed === 'after the reply') on.echo();
      assert.equal(on.held(), undefined, `${change}, ${echoed}`);
      assert.deepEqual(on.changes, ['stored "ours"', 'changed']);
      on.store.release();
      const expected = change === 'written' ? '"theirs"' : undefined;
      assert.equal(await bodyOf(on.cache.get(KEY)), expected);
    }
  }
});

test('clients receive the reason that another replica announced for a change after an own write', async () => {
  const on = replica();
  await on.ownWrite('"ours"');
  await on.foreignDelete();
  on.echo(KEY, { reason: 'delete' });
  assert.deepEqual(on.changes, ['stored "ours"', 'changed: delete']);
});

test('after two concurrent own writes, a read returns the later one in every order of echoes', async () => {
  for (const echoes of [[], [0], [1], [2], [0, 1, 2], [1, 1], [2, 2]]) {
    const on = replica();
    on.store.hold();
    const writes = [on.cache.set(KEY, json('"1"')), on.cache.set(KEY, json('"2"'))];
    const calls = [on.store.next('write'), on.store.next('write')];
    for (const call of calls) call.happen();
    const echoAt = (moment: number) => {
      for (const each of echoes) if (each === moment) on.echo();
    };
    echoAt(0);
    await calls[0]!.answer();
    echoAt(1);
    await calls[1]!.answer();
    echoAt(2);
    await Promise.all(writes);
    on.store.release();
    assert.equal(await bodyOf(on.cache.get(KEY)), '"2"', `${echoes}`);
  }
});

test('with L1 full or disabled, clients are notified of a foreign write that shares the echo of an own write', async () => {
  for (const options of [{ memory: { maxBytes: 1 } }, { local: false }]) {
    const on = replica(options);
    on.store.hold();
    const write = on.cache.set(KEY, json('"ours"'));
    const call = on.store.next('write');
    call.happen();
    await on.foreignWrite('"theirs"');
    on.echo();
    await call.answer();
    await write;
    assert.deepEqual(on.changes, ['stored "ours"', 'changed']);
  }
});

test('a batch write leaves no older value in L1 for any of its keys', async () => {
  const on = replica();
  for (const key of ['a', 'b']) await on.foreignWrite('"old"', key);
  for (const key of ['a', 'b']) await on.cache.get(key);
  on.store.hold();
  const batch = setMany(
    on.cache,
    ['a', 'b'].map((key) => ({ key, value: json('"ours"'), ttlMs: undefined })),
    512,
  );
  const calls = [on.store.next('write'), on.store.next('write')];
  for (const call of calls) call.happen();
  await on.foreignWrite('"theirs"', 'b');
  on.echo('a');
  on.echo('b');
  for (const call of calls) await call.answer();
  await batch;
  on.store.release();
  const bodies = [await bodyOf(on.cache.get('a')), await bodyOf(on.cache.get('b'))];
  assert.deepEqual(bodies, ['"ours"', '"theirs"']);
});

test('a write in progress during a flush or a rearmed link does not fill L1', async () => {
  for (const reason of ['flush', 'rearmed'] as const) {
    const on = replica();
    on.store.hold();
    const write = on.cache.set(KEY, json('"ours"'));
    const call = on.store.next('write');
    call.happen();
    await on.foreignDelete();
    on.cache.allChanged(reason);
    await call.answer();
    await write;
    await answerAll(on);
    assert.equal(on.held(), undefined, reason);
  }
});

// ---- compare-and-set, delete

test('after a successful compare-and-set, its echo does no harm, and a foreign write that shares the echo is found', async () => {
  for (const hidden of [false, true]) {
    const on = replica();
    const { version } = await on.cache.set(KEY, json('"1"'));
    on.store.hold();
    const write = on.cache.set(KEY, json('"2"'), undefined, { is: 'if-version', versions: [version!] });
    const call = on.store.next('write');
    call.happen();
    if (hidden) await on.foreignWrite('"theirs"');
    on.echo();
    await call.answer();
    assert.equal((await write).status, 'replaced');
    on.store.release();
    assert.equal(await bodyOf(on.cache.get(KEY)), hidden ? '"theirs"' : '"2"');
  }
});

test('a refused compare-and-set leaves no old value in L1, and clients are notified of the newer write', async () => {
  for (const echoed of ['before the reply', 'after the reply']) {
    const on = replica();
    const { version } = await on.cache.set(KEY, json('"1"'));
    await on.cache.get(KEY);
    on.store.hold();
    await on.foreignWrite('"theirs"');
    const write = on.cache.set(KEY, json('"2"'), undefined, { is: 'if-version', versions: [version!] });
    const call = on.store.next('write');
    call.happen();
    if (echoed === 'before the reply') on.echo();
    await call.answer();
    assert.equal((await write).status, 'refused');
    if (echoed === 'after the reply') on.echo();
    await answerAll(on);
    assert.equal(on.held(), undefined);
    assert.deepEqual(on.changes, ['stored "1"', 'changed'], echoed);
  }
});

test('a read that started before a delete does not fill L1, and clients are notified of a write after the delete', async () => {
  for (const hidden of [false, true]) {
    const on = replica();
    await on.foreignWrite('"old"');
    on.store.hold();
    const read = on.cache.load(KEY);
    const reading = on.store.next('read');
    reading.happen();
    const removal = on.cache.delete(KEY);
    const call = on.store.next('remove');
    call.happen();
    if (hidden) await on.foreignWrite('"theirs"');
    on.echo();
    await call.answer();
    await removal;
    await reading.answer();
    assert.equal(await bodyOf(read), '"old"');
    assert.equal(on.held(), undefined);
    assert.deepEqual(on.changes, ['removed', 'changed']);
    on.store.release();
    assert.equal(await bodyOf(on.cache.get(KEY)), hidden ? '"theirs"' : undefined);
  }
});

test('a failed write leaves its key out of L1, and its late echo does no harm', async () => {
  const on = replica();
  await on.ownWrite('"1"');
  const write = on.cache.set(KEY, json('"2"'));
  const call = on.store.next('write');
  call.happen();
  await Promise.all([call.fail(TIMEOUT), assert.rejects(write, { code: 'write_unknown', cause: TIMEOUT })]);
  assert.equal(on.memory.cached(KEY), undefined);
  on.echo();
  await answerAll(on);
  assert.equal(await bodyOf(on.cache.get(KEY)), '"2"');
});

// ---- the states

test('while L1 is not trusted, reads go to L2, and L1 answers only when L2 fails', async () => {
  for (const state of ['degraded', 'blind'] as const) {
    const on = replica();
    await on.cache.set(KEY, json('"1"'));
    await on.cache.get(KEY);
    on.cache.stateChanged(state);
    await on.foreignWrite('"2"');
    assert.equal(on.cache.peek(KEY), undefined);
    const { entry, source } = await on.cache.get(KEY);
    assert.deepEqual([entry?.json, source], ['"2"', 'l2']);
    on.store.fault = DOWN;
    const fallback = await on.cache.get(KEY);
    assert.deepEqual([fallback.entry?.json, fallback.source, fallback.fault], ['"2"', 'l1-stale', DOWN]);
    assert.deepEqual(on.changes, ['stored "1"', `reset ${state}`]);
  }
});

test('arming the link again empties L1 and fences the flights in progress', async () => {
  const on = replica();
  await on.cache.set(KEY, json('"1"'));
  await on.cache.set('k', json('"1"'));
  await on.cache.get(KEY);
  on.cache.stateChanged('degraded');
  // The link does not report this write.
  await on.foreignWrite('"2"');
  on.store.hold();
  const read = on.cache.load('k');
  const call = on.store.next('read');
  call.happen();
  await on.foreignWrite('"2"', 'k');
  on.cache.allChanged('rearmed');
  assert.equal(on.memory.size, 0);
  await call.answer();
  assert.equal(await bodyOf(read), '"1"');
  on.cache.stateChanged('coherent');
  on.store.release();
  assert.equal(await bodyOf(on.cache.get(KEY)), '"2"');
  assert.equal(await bodyOf(on.cache.get('k')), '"2"');
});

test('clients receive a reset when the replica becomes coherent again, from degraded and from blind', async () => {
  const on = replica();
  on.cache.stateChanged('blind');
  on.cache.stateChanged('coherent');
  on.cache.stateChanged('degraded');
  on.cache.allChanged('rearmed');
  on.cache.stateChanged('coherent');
  on.cache.allChanged('flush');
  assert.deepEqual(on.changes, [
    'reset blind',
    'reset rearmed',
    'reset degraded',
    'reset rearmed',
    'reset rearmed',
  ]);
});
