import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reason } from '../../src/cache/bus.ts';
import { Entry } from '../../src/cache/entry.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { typeIndex } from '../../src/key.ts';
import type { RequestDeps } from '../../src/push/deps.ts';
import { Hub } from '../../src/push/hub.ts';
import { handle } from '../../src/push/requests.ts';
import { type GatedStore, type Held, settled } from '../support/gated-store.ts';
import { DOWN, json, openReplica, type ReplicaOptions, TIMEOUT, TYPE_TTL_MS } from '../support/replica.ts';
import { consumerOf, entryOf, type FakeSocket, OPEN, REQUEST_LIMITS } from './deps.ts';

const KEY = 'borrow_rate:A';
interface Options extends ReplicaOptions {
  readonly rememberedKeys?: number;
}

/** A replica with subscribers, whose L2 and link are in the test's hands. */
function replica({ rememberedKeys, ...options }: Options = {}) {
  const on = openReplica({
    clock: { now: Date.now() },
    memory: { maxEntries: 2000 },
    pendingWrites: options.standalone ? undefined : {},
    ...options,
  });
  const { cache, memory, store, clock, counters } = on;
  const faults: unknown[] = [];
  const hub = new Hub(cache, (error) => faults.push(error), rememberedKeys);
  cache.changes = hub;
  const requestDeps: RequestDeps = {
    cache,
    clock,
    counters,
    hub,
    access: OPEN,
    limits: REQUEST_LIMITS,
    onFault: (e) => faults.push(e),
    overloaded: () => false,
  };
  let count = 0;
  let last = (BigInt(clock.now) - 1000n) << 16n;
  return {
    cache,
    memory,
    store,
    clock,
    hub,
    faults,
    client() {
      const { consumer, socket, drain } = consumerOf();
      const request = (data: Record<string, unknown>) =>
        handle(requestDeps, consumer, { data, value: () => undefined }, 0);
      const events = () => socket.sent.filter((frame) => 'event' in frame);
      return { consumer, socket, drain, request, events };
    },
    /** Another replica writes to L2. The link has not reported the write yet. */
    writeElsewhere(key: string, ttlMs = TYPE_TTL_MS): string {
      // Versions of a key only grow, for all writers.
      const stored = BigInt(`0x${store.entries.get(key)?.version.slice(0, 16) ?? '0'}`);
      last = (stored > last ? stored : last) + 1n;
      const version = `${last.toString(16).padStart(16, '0')}0000000b`;
      count++;
      store.entries.set(key, new Entry(key, json(`${count}`), version, clock.now, clock.now + ttlMs));
      return version;
    },
  };
}

/** The state of the key after each frame about it: a version, or undefined for no value. */
function statesOf(key: string, frames: FakeSocket['sent']): (string | undefined)[] {
  const states: (string | undefined)[] = [];
  for (const frame of frames) {
    if ('snapshot' in frame)
      states.push(frame.snapshot.find((item: { key: string }) => item.key === key)?.version);
    else if (frame.event === 'update' && frame.key === key) states.push(frame.version);
    else if (frame.event === 'invalidate' && frame.key === key) states.push(undefined);
  }
  return states;
}

/** Runs the scenario once for each path. `choose(n)` returns each of 0 to n - 1 in one of the runs. */
async function everyPath(scenario: (choose: (options: number) => number) => Promise<void>): Promise<number> {
  let path: { taken: number; options: number }[] = [];
  for (let runs = 1; ; runs++) {
    let depth = 0;
    await scenario((options) => {
      if (depth === path.length) path.push({ taken: 0, options });
      return path[depth++]!.taken;
    });
    while (path.length > 0 && path.at(-1)!.taken + 1 === path.at(-1)!.options) path.pop();
    if (path.length === 0) return runs;
    path = path.with(-1, { taken: path.at(-1)!.taken + 1, options: path.at(-1)!.options });
  }
}

type Act = 'write' | 'remove';

/**
 * Runs one subscription and changes of its key in every possible order. A change takes effect in L2, and the link
 * reports it later. A call to L2 takes effect after the call, and its answer arrives later. Each kind stays in order.
 */
async function interleave(
  acts: readonly Act[],
  options: Options & { prefix?: boolean; own?: boolean; watched?: boolean },
) {
  const outcomes = new Set<string>();
  const runs = await everyPath(async (choose) => {
    const { cache, store, client, writeElsewhere, faults } = replica({ rememberedKeys: 10, ...options });
    const { request, socket } = client();
    // An earlier subscriber, so that the hub already knows the key when the new snapshot reads it.
    const other = client();
    writeElsewhere(KEY);
    if (options.watched) {
      other.request({ id: 0, op: 'subscribe', keys: [KEY], values: true });
      await settled();
    }
    store.hold();
    let subscribed = false;
    let ownLeft = options.own ? 1 : 0;
    const ownWrites: Promise<unknown>[] = [];
    const left = [...acts];
    let unheard = 0;
    const underWay: Held[] = [];
    const trail: string[] = [];
    for (;;) {
      const moves: [name: string, move: () => unknown][] = [];
      if (!subscribed)
        moves.push([
          'subscribe',
          () => {
            subscribed = true;
            const named = options.prefix ? { prefixes: ['borrow_'] } : { keys: [KEY] };
            request({ id: 1, op: 'subscribe', ...named, values: true });
          },
        ]);
      if (left.length > 0)
        moves.push([
          left[0]!,
          () => {
            if (left.shift() === 'write') writeElsewhere(KEY);
            else store.entries.delete(KEY);
            unheard++;
          },
        ]);
      if (ownLeft > 0)
        moves.push([
          'own',
          () => {
            ownLeft--;
            ownWrites.push(cache.set(KEY, json('"own"')));
          },
        ]);
      if (unheard > 0)
        moves.push([
          'hear',
          () => {
            unheard--;
            cache.keyChanged(KEY, undefined);
          },
        ]);
      if (store.held.length > 0)
        moves.push([
          'happen',
          () => {
            const held = store.held.shift()!;
            held.happen();
            // The echo of the own write.
            if (held.operation === 'write') unheard++;
            underWay.push(held);
          },
        ]);
      if (underWay.length > 0) moves.push(['answer', () => underWay.shift()!.answer()]);
      if (moves.length === 0) break;
      const [name, move] = moves[moves.length === 1 ? 0 : choose(moves.length)]!;
      trail.push(name);
      await move();
      await settled();
    }
    await Promise.all(ownWrites);
    await settled();
    assert.deepEqual(faults, []);
    for (const { sent } of options.watched ? [socket, other.socket] : [socket]) {
      const pushed = statesOf(KEY, sent);
      const story = () =>
        `${trail.join(' ')} pushed ${pushed.join(' ')}; L2 has ${store.entries.get(KEY)?.version}`;
      assert.equal(pushed.at(-1), store.entries.get(KEY)?.version, `a gap: ${story()}`);
      for (let i = 1; i < pushed.length; i++)
        assert.notEqual(pushed[i], pushed[i - 1], `a duplicate: ${story()}`);
      const versions = pushed.filter((version) => version !== undefined);
      if (!acts.includes('remove')) assert.deepEqual(versions, [...versions].sort(), `backwards: ${story()}`);
      outcomes.add(pushed.map((version) => (version === undefined ? '-' : version.slice(12))).join(' '));
    }
  });
  return { runs, outcomes };
}

test('a foreign write at any step of a subscription causes no gap and no duplicate', async () => {
  for (const watched of [false, true])
    for (const local of [true, false]) {
      const { runs, outcomes } = await interleave(['write'], { watched, local });
      assert.ok(runs >= 5, `${runs}`);
      assert.ok(
        outcomes.size >= 2,
        'the write must come before the snapshot in one run, and after it in another',
      );
    }
});

test('two foreign writes at any steps of a subscription cause no gap and no duplicate', async () => {
  const { runs } = await interleave(['write', 'write'], {});
  assert.ok(runs > 100, `${runs}`);
});

test('a foreign deletion and a later write at any steps of a subscription cause no gap and no duplicate', async () => {
  await interleave(['remove'], { watched: true });
  await interleave(['remove', 'write'], {});
  await interleave(['write', 'remove'], {});
});

test('an own write and its echo at any steps of a subscription cause no gap and no duplicate', async () => {
  for (const local of [true, false]) await interleave([], { own: true, local, watched: true });
});

test('an own write and a foreign write at any steps of a subscription cause no gap and no duplicate', async () => {
  const { runs } = await interleave(['write'], { own: true });
  assert.ok(runs > 100, `${runs}`);
});

test('a foreign write while keys are listed for a prefix causes no gap and no duplicate', async () => {
  const { runs } = await interleave(['write'], { prefix: true });
  assert.ok(runs > 20, `${runs}`);
});

test('an own write that is reported after its replacement is not pushed', async () => {
  const { cache, hub, store, client, writeElsewhere } = replica();
  const { request, socket } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  await settled();
  await cache.set(KEY, json('"own"'));
  await settled();
  const own = store.entries.get(KEY)!;
  const version = writeElsewhere(KEY);
  hub.learned(KEY, store.entries.get(KEY), 'remote');
  hub.stored(KEY, own);
  await settled();
  await settled();
  assert.deepEqual(statesOf(KEY, socket.sent), [undefined, own.version, version]);
});

test('the answer to an earlier read is not pushed after the answer to a later read', async () => {
  const { cache, store, client, writeElsewhere } = replica();
  const { request, socket } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  await settled();
  store.hold();
  writeElsewhere(KEY);
  cache.keyChanged(KEY, undefined);
  const earlier = store.next('read');
  earlier.happen();
  const version = writeElsewhere(KEY);
  cache.keyChanged(KEY, undefined);
  const later = store.next('read');
  await later.answer();
  await earlier.answer();
  await settled();
  assert.deepEqual(statesOf(KEY, socket.sent), [undefined, version]);
});

test('the answer to an earlier read is pushed if a later read fails', async () => {
  const { cache, store, client, writeElsewhere } = replica();
  const { request, socket } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  await settled();
  store.hold();
  const version = writeElsewhere(KEY);
  cache.keyChanged(KEY, undefined);
  const earlier = store.next('read');
  cache.keyChanged(KEY, undefined);
  await store.next('read').fail(DOWN);
  await earlier.answer();
  await settled();
  assert.equal(statesOf(KEY, socket.sent).at(-1), version);
});

test('a subscription to a key in L1 receives its value once', async () => {
  const { cache, client } = replica();
  await cache.set(KEY, json('1'));
  const { request, socket } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  await settled();
  assert.equal(socket.sent.length, 1);
  assert.equal(socket.sent[0].snapshot[0].value, 1);
});

test('overlapping subscriptions of one socket push a change once, with its value if one of them asks for values', async () => {
  const { cache, client } = replica();
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY] });
  request({ id: 2, op: 'subscribe', types: ['borrow_rate'], values: true });
  request({ id: 'x', op: 'subscribe', prefixes: ['b', 'borrow'] });
  await settled();
  await settled();
  await cache.set(KEY, json('1'));
  await settled();
  assert.deepEqual(
    events().map(({ event, value }) => [event, value]),
    [['update', 1]],
  );
});

test('several writes in one turn of the event loop are one event with the count of merged writes', async () => {
  const { cache, client } = replica({ standalone: true });
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  await settled();
  await Promise.all([1, 2, 3].map((number) => cache.set(KEY, json(String(number)))));
  await settled();
  assert.deepEqual(
    events().map(({ value, merged }) => [value, merged]),
    [[3, 2]],
  );
});

test('a key that is gone is reported with its reason, and with remote where the reason is unknown', async () => {
  const { cache, store, client, writeElsewhere } = replica();
  const { request, events } = client();
  const KEYS = ['a:del', 'a:announced', 'a:expired', 'a:remote', 'a:set-then-gone'];
  request({ id: 1, op: 'subscribe', keys: KEYS, values: true });
  await settled();
  await settled();
  for (const key of KEYS) {
    writeElsewhere(key, key === 'a:expired' ? 50 : undefined);
    cache.keyChanged(key, { reason: 'set' });
  }
  await settled();
  await cache.delete('a:del');
  const go = async (key: string, announced?: Reason) => {
    store.entries.delete(key);
    cache.keyChanged(key, announced && { reason: announced });
    await settled();
    await settled();
  };
  await go('a:announced', 'delete');
  await go('a:expired');
  await go('a:remote');
  await go('a:set-then-gone', 'set');
  const reasons = events().flatMap(({ event, key, reason }) =>
    event === 'invalidate' ? [[key, reason]] : [],
  );
  assert.deepEqual(reasons, [
    ['a:del', 'delete'],
    ['a:announced', 'delete'],
    ['a:expired', 'expire'],
    ['a:remote', 'remote'],
    ['a:set-then-gone', 'remote'],
  ]);
});

test('subscribers receive an invalidation when L2 fails during the load', async () => {
  const { cache, store, client, writeElsewhere } = replica();
  const { request, socket, events } = client();
  writeElsewhere(KEY);
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  const version = writeElsewhere(KEY);
  store.fault = DOWN;
  cache.keyChanged(KEY, undefined);
  await settled();
  await settled();
  assert.deepEqual(events(), [{ event: 'invalidate', key: KEY, reason: 'remote' }]);
  store.fault = undefined;
  cache.keyChanged(KEY, undefined);
  await settled();
  await settled();
  assert.equal(statesOf(KEY, socket.sent).at(-1), version);
});

test('a snapshot marks each key that L2 did not answer, and a snapshot by prefix then fails as a whole', async () => {
  const { cache, store, client } = replica();
  await cache.set('a:held', json('1'));
  await cache.get('a:held');
  store.fault = DOWN;
  const { request, socket } = client();
  request({ id: 1, op: 'subscribe', keys: ['a:held', 'a:unknown'], values: true });
  await settled();
  const [{ snapshot }] = socket.sent;
  assert.deepEqual(snapshot[0].value, 1);
  assert.deepEqual(snapshot[1], { key: 'a:unknown', code: 'l2_unavailable' });
  request({ id: 2, op: 'subscribe', prefixes: ['a'] });
  await settled();
  assert.equal(socket.sent.at(-1).code, 'l2_unavailable');
  request({ id: 2, op: 'subscribe', keys: ['a:held'] });
  await settled();
  assert.equal(socket.sent.at(-1).ok, true, 'the id of a failed subscription is free');
});

test('a deletion by match is pushed per key to subscriptions by key, and as one notice to types and prefixes', async () => {
  const { cache, store, client } = replica();
  const [named, open] = [client(), client()];
  named.request({ id: 1, op: 'subscribe', keys: ['volatility:A', KEY] });
  open.request({ id: 1, op: 'subscribe', prefixes: ['vol'] });
  await settled();
  await settled();
  await cache.set('volatility:A', json('1'));
  await settled();
  store.entries.delete('volatility:A');
  cache.matchChanged({ type: typeIndex('volatility')! }, 'delete', 'f'.repeat(24));
  await settled();
  await settled();
  const invalidated = { event: 'invalidate', key: 'volatility:A', reason: 'delete' };
  assert.deepEqual(named.events().slice(1), [invalidated]);
  assert.deepEqual(open.events().slice(1), [
    { event: 'invalidate', type: 'volatility', reason: 'delete' },
    // Pushed in addition, because another client is subscribed to this key.
    invalidated,
  ]);
});

test('a change of quality is one notice for each type and prefix, and then one state for each key', async () => {
  const { cache, hub, client } = replica();
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', prefixes: ['vol'], values: true });
  await settled();
  await settled();
  const { version } = await cache.set('volatility:A', json('1'));
  await settled();
  hub.qualityChanged({ keys: [], types: [typeIndex('volatility')!], prefixes: ['volatility:A', 'v*'] });
  await settled();
  await settled();
  const [, ...after] = events();
  assert.deepEqual(after.slice(0, 3), [
    { event: 'invalidate', type: 'volatility', reason: 'quality' },
    { event: 'invalidate', pattern: 'volatility:A*', reason: 'quality' },
    { event: 'invalidate', pattern: 'v\\**', reason: 'quality' },
  ]);
  assert.deepEqual(
    after.slice(3).map(({ event, key, version: sent }) => [event, key, sent]),
    [['update', 'volatility:A', version]],
  );
});

test('after an invalidation by another program, values that still exist are pushed again', async () => {
  const { cache, client } = replica();
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', prefixes: ['vol'], values: true });
  await settled();
  await settled();
  await cache.set('volatility:A', json('1'));
  await settled();
  cache.matchChanged({ pattern: 'volatility:*' }, 'remote');
  await settled();
  await settled();
  assert.deepEqual(
    events().map(({ event, key, pattern, value }) => [event, key ?? pattern, value]),
    [
      ['update', 'volatility:A', 1],
      ['invalidate', 'volatility:*', undefined],
      ['update', 'volatility:A', 1],
    ],
  );
});

test('after the notice of a deletion by match, newer values are pushed again', async () => {
  const { cache, store, client } = replica();
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', types: ['volatility'], values: true });
  await settled();
  await settled();
  const { version } = await cache.set('volatility:OLD', json('1'));
  await cache.set('volatility:NEW', json('2'));
  await settled();
  const told = events().length;
  // The deletion was requested between the two writes.
  const asOf = `${version!.slice(0, 15)}${(Number.parseInt(version!.slice(15, 16), 16) + 1).toString(16)}${'0'.repeat(8)}`;
  store.entries.delete('volatility:OLD');
  cache.matchChanged({ type: typeIndex('volatility')! }, 'delete', asOf);
  await settled();
  await settled();
  const pushed = events().slice(told);
  assert.deepEqual(pushed[0], { event: 'invalidate', type: 'volatility', reason: 'delete' });
  assert.deepEqual(
    pushed
      .slice(1)
      .map(({ event, key, value }) => [event, key, value])
      .sort(),
    [
      ['invalidate', 'volatility:OLD', undefined],
      ['update', 'volatility:NEW', 2],
    ],
  );
});

test('writes and a deletion by match in one turn of the event loop are pushed in order', async () => {
  const { cache, client } = replica({ standalone: true });
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', prefixes: ['a:'], values: true });
  await settled();
  await settled();
  const done = [
    cache.set('a:1', json('1')),
    cache.invalidate({ pattern: 'a:*' }),
    cache.set('a:1', json('2')),
  ];
  await Promise.all(done);
  await settled();
  assert.deepEqual(
    events().map(({ key, pattern, value }) => [key ?? pattern, value]),
    [
      ['a:1', 1],
      ['a:*', undefined],
      ['a:1', 2],
    ],
  );
});

test('every subscriber receives a reset once, and then the known state of a key again', async () => {
  const { cache, client, writeElsewhere } = replica();
  const clients = [client(), client()];
  const idle = client();
  writeElsewhere(KEY);
  for (const { request } of clients) {
    request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
    request({ id: 2, op: 'subscribe', types: ['borrow_rate'], prefixes: ['b'] });
  }
  await settled();
  await settled();
  cache.allChanged('flush');
  cache.keyChanged(KEY, undefined);
  await settled();
  await settled();
  for (const { events } of clients) {
    const [reset, update, ...more] = events();
    assert.deepEqual(reset, { event: 'reset', reason: 'rearmed' });
    assert.equal(update.event, 'update');
    assert.deepEqual(more, []);
  }
  assert.deepEqual(idle.socket.sent, []);
});

test('losing and regaining coherence push resets', async () => {
  const { cache, client } = replica();
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY] });
  await settled();
  await settled();
  for (const state of ['degraded', 'blind', 'coherent'] as const) cache.stateChanged(state);
  assert.deepEqual(
    events().map(({ reason }) => reason),
    ['degraded', 'blind', 'rearmed'],
  );
});

test('standalone: an expired or evicted value is pushed as an invalidation', async () => {
  const { cache, memory, clock, client } = replica({ standalone: true });
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', prefixes: ['a:'] });
  await settled();
  await settled();
  await cache.set('a:short', json('1'), 1000);
  await cache.set('a:long', json('1'));
  await settled();
  clock.now += 1000;
  for (const _ of memory.sweep());
  await settled();
  for (let i = 0; i < 2000; i++) await cache.set(`b:${i}`, json('1'));
  await settled();
  const gone = events().slice(2);
  assert.deepEqual(gone, [
    { event: 'invalidate', key: 'a:short', reason: 'expire' },
    { event: 'invalidate', key: 'a:long', reason: 'evict' },
  ]);
});

test('with L2, an eviction from L1 is not pushed', async () => {
  const { cache, client } = replica();
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', keys: ['a:1'] });
  await settled();
  await settled();
  await cache.set('a:1', json('1'));
  for (let i = 0; i < 2000; i++) await cache.set(`b:${i}`, json('1'));
  await settled();
  assert.deepEqual(events().length, 1);
});

test('after unsubscribe, changes are pushed only to the remaining subscriptions', async () => {
  const { cache, client } = replica();
  const { request, events, socket } = client();
  request({ id: 1, op: 'subscribe', keys: ['a:1'] });
  request({ id: 2, op: 'subscribe', keys: ['a:2'] });
  await settled();
  await settled();
  request({ id: 3, op: 'unsubscribe', subscription: 1 });
  assert.deepEqual(socket.sent.at(-1), { id: 3, ok: true, unsubscribed: 1 });
  await cache.set('a:1', json('1'));
  await cache.set('a:2', json('1'));
  await settled();
  assert.deepEqual(
    events().map(({ key }) => key),
    ['a:2'],
  );
});

/** The value of the key after each event about the key or about a match. */
/** A snapshot by type is under way. Answers its list of keys, and returns its reads by their keys. */
async function snapshotReads(store: GatedStore, count: number): Promise<(key: string) => Held> {
  await settled();
  await store.next('list').answer();
  await settled();
  const reads = Array.from({ length: count }, () => store.next('read'));
  return (key) => reads.find((read) => read.key === key)!;
}

function valuesOf(key: string, frames: FakeSocket['sent']): unknown[] {
  const values: unknown[] = [];
  for (const frame of frames) {
    if ('snapshot' in frame)
      values.push(frame.snapshot.find((item: { key: string }) => item.key === key)?.value);
    else if (frame.event === 'update' && frame.key === key) values.push(frame.value);
    else if (frame.event === 'invalidate' && (frame.key === key || frame.key === undefined))
      values.push(undefined);
  }
  return values;
}

test('a deletion by match and a write leave subscribers with the state of L2, in every order of their steps', async () => {
  let kept = 0;
  const runs = await everyPath(async (choose) => {
    const { cache, store, clock, client, writeElsewhere } = replica({ linked: true });
    writeElsewhere(KEY);
    const { request, socket } = client();
    request({ id: 1, op: 'subscribe', types: ['borrow_rate'], values: true });
    await settled();
    await settled();
    const call = (operation: 'write' | 'removeMatching', start: () => Promise<unknown>) => {
      clock.now++;
      store.hold();
      void start();
      store.release();
      return store.next(operation);
    };
    const order: string[] = [];
    const steps: [name: string, step: () => unknown][] = [];
    const then = (name: string, step: () => unknown) => steps.push([name, step]);
    then('delete', () => {
      const scan = call('removeMatching', () => cache.invalidate({ type: 0 }));
      then('deleted', () => {
        const had = store.entries.has(KEY);
        scan.happen();
        if (had && !store.entries.has(KEY)) then('link: deleted', () => cache.keyChanged(KEY, undefined));
        then('answer to the delete', () => scan.answer());
      });
    });
    then('write', () => {
      const write = call('write', () => cache.set(KEY, json('"new"')));
      then('written', () => {
        write.happen();
        const { version } = store.entries.get(KEY)!;
        then('link: written', () => cache.keyChanged(KEY, { reason: 'set', version }));
        then('answer to the write', () => write.answer());
      });
    });
    while (steps.length > 0) {
      const [[name, step]] = steps.splice(choose(steps.length), 1) as [[string, () => unknown]];
      order.push(name);
      await step();
      await settled();
    }
    for (let i = 0; i < 3; i++) await settled();
    const stored = store.entries.get(KEY)?.json;
    if (stored !== undefined) kept++;
    const last = valuesOf(KEY, socket.sent).at(-1);
    assert.equal(last === undefined ? undefined : JSON.stringify(last), stored, order.join(', '));
  });
  assert.ok(runs > 100 && kept > 10, `${runs} runs, the value stayed in ${kept}`);
});

test('a snapshot from before two deletions by match leaves the client without the deleted value', async () => {
  const { cache, store, client, clock } = replica({ linked: true });
  store.fault = DOWN;
  await cache.set(KEY, json('"pending"'));
  store.fault = undefined;
  const { request, socket } = client();
  store.hold();
  request({ id: 1, op: 'subscribe', types: ['borrow_rate'], values: true });
  await settled();
  clock.now += 1000;
  const asOf = (later: number) => new VersionClock('0000000b', () => clock.now + later).next();
  // The snapshot contains the pending value, and waits for the list of keys in L2.
  const listing = store.next('list');
  store.release();
  cache.matchChanged({ type: 0 }, 'delete', asOf(0));
  await settled();
  cache.matchChanged({ type: 0 }, 'delete', asOf(1));
  await settled();
  await listing.answer();
  await settled();
  assert.equal(store.entries.has(KEY), false);
  assert.deepEqual(valuesOf(KEY, socket.sent).at(-1), undefined, JSON.stringify(socket.sent));
  assert.deepEqual(
    socket.sent.map((frame) => frame.event ?? 'snapshot'),
    ['invalidate', 'snapshot'],
  );
});

test('a notice of an input during a snapshot leaves the client without an older value of any key', async () => {
  const { cache, store, client, writeElsewhere } = replica({ linked: true, dependencies: true });
  const [plain, dependent, old, late] = ['M', 'AAPL:c1:x', 'GME:c1:x', 'Z'].map(
    (name) => `calculation:${name}`,
  );
  for (const key of [plain, dependent, old, late]) writeElsewhere(key!);
  const { request, socket } = client();
  store.hold();
  request({ id: 1, op: 'subscribe', types: ['calculation'], values: true });
  const readOf = await snapshotReads(store, 4);
  const waiting = readOf(late!);
  for (const key of [plain, dependent, old]) await readOf(key!).answer();
  store.release();
  await settled();
  // Both values are newer than what the snapshot has read.
  for (const key of [plain, dependent]) await cache.set(key!, json('"newer"'));
  await settled();
  // The pattern of the notice covers both keys, but only one of them has inputs.
  cache.matchChanged({ type: typeIndex('event_risk')! }, 'delete');
  await settled();
  await waiting.answer();
  await settled();
  await settled();
  const sent = JSON.stringify(socket.sent);
  assert.ok(socket.sent.findIndex(({ pattern }) => pattern === 'calculation:*') === 0, sent);
  assert.equal(valuesOf(plain!, socket.sent).at(-1), 'newer', sent);
  // Redis has none of their inputs.
  for (const key of [dependent, old]) assert.equal(valuesOf(key!, socket.sent).at(-1), undefined, sent);
});

test('a client that resumes from its first heartbeat receives what waited for its interval then', async () => {
  const { cache, client } = replica({ linked: true });
  const first = client();
  first.request({ id: 1, op: 'subscribe', keys: [KEY], values: true, interval: 60_000 });
  await settled();
  for (const value of ['"sent"', '"waits"']) {
    await cache.set(KEY, json(value));
    await settled();
  }
  first.request({ id: 2, op: 'heartbeat', interval: 60_000 });
  assert.deepEqual(valuesOf(KEY, first.socket.sent), [undefined, 'sent']);
  const { epoch, offset } = first.socket.sent.find(({ event }) => event === 'heartbeat')!;
  first.consumer.onClose();
  const second = client();
  second.request({ id: 1, op: 'subscribe', keys: [KEY], values: true, resume: { epoch, offset } });
  await settled();
  const snapshot = second.socket.sent.find((frame) => 'snapshot' in frame)!;
  assert.ok(snapshot.resumed);
  assert.deepEqual(valuesOf(KEY, [snapshot]), ['waits']);
});

test('of two snapshots of one socket, the later one does not go back to an older value', async () => {
  const { cache, store, client, writeElsewhere } = replica({ linked: true });
  const late = 'borrow_rate:Z';
  for (const key of [KEY, late]) writeElsewhere(key);
  const { request, socket } = client();
  store.hold();
  request({ id: 1, op: 'subscribe', types: ['borrow_rate'], values: true });
  const readOf = await snapshotReads(store, 2);
  await readOf(KEY).answer();
  store.release();
  await cache.set(KEY, json('"newer"'));
  request({ id: 2, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  await settled();
  assert.deepEqual(valuesOf(KEY, socket.sent), ['newer']);
  await readOf(late).answer();
  await settled();
  await settled();
  assert.ok(socket.sent.some(({ id, snapshot }) => id === 1 && snapshot));
  assert.deepEqual(new Set(valuesOf(KEY, socket.sent)), new Set(['newer']), JSON.stringify(socket.sent));
});

test('a deletion is sent although a second snapshot of the socket omits the key', async () => {
  const { cache, store, client, writeElsewhere } = replica({ linked: true });
  writeElsewhere(KEY);
  const { request, socket } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  store.entries.delete(KEY);
  request({ id: 2, op: 'subscribe', types: ['borrow_rate'], values: true });
  cache.keyChanged(KEY, undefined);
  await settled();
  await settled();
  assert.deepEqual(
    socket.sent.flatMap(({ event, key }) => (event === undefined ? [] : [[event, key]])),
    [['invalidate', KEY]],
    JSON.stringify(socket.sent),
  );
});

test('a change whose read failed is in the snapshot of a client that resumes after its subscription ended', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { cache, store, client, writeElsewhere } = replica({ linked: true });
  writeElsewhere(KEY);
  const first = client();
  first.request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  writeElsewhere(KEY);
  store.fault = TIMEOUT;
  cache.keyChanged(KEY, undefined);
  await settled();
  store.fault = undefined;
  first.request({ id: 2, op: 'heartbeat', interval: 60_000 });
  const { epoch, offset } = first.socket.sent.find(({ event }) => event === 'heartbeat')!;
  first.request({ id: 3, op: 'unsubscribe' });
  first.consumer.onClose();
  for (let i = 0; i < 20; i++) {
    t.mock.timers.tick(1000);
    await settled();
  }
  const second = client();
  second.request({ id: 1, op: 'subscribe', keys: [KEY], values: true, resume: { epoch, offset } });
  await settled();
  await settled();
  const snapshot = second.socket.sent.find((frame) => 'snapshot' in frame)!;
  assert.ok(snapshot.resumed);
  assert.deepEqual(
    snapshot.snapshot.map(({ key }: { key: string }) => key),
    [KEY],
  );
});

test('a key that moves to a server that was listed before is in the snapshot', async () => {
  const { cache, store, client, writeElsewhere } = replica({ linked: true });
  const other = 'borrow_rate:B';
  for (const key of [KEY, other]) writeElsewhere(key);
  const [first, second] = [client(), client()];
  first.request({ id: 1, op: 'subscribe', types: ['borrow_rate'], values: true });
  await settled();
  await settled();
  const pages = [
    { keys: [{ key: other, ttlMs: 1000 }], cursor: '1' },
    { keys: [], cursor: undefined },
  ];
  store.list = async () => {
    const page = pages.shift()!;
    // The old server of the key is listed last, without it. The link reports that it has deleted the key.
    if (pages.length === 0) cache.keyChanged(KEY, undefined);
    return page;
  };
  second.request({ id: 1, op: 'subscribe', types: ['borrow_rate'], values: true });
  for (let i = 0; i < 5; i++) await settled();
  const { snapshot } = second.socket.sent.find((frame) => 'snapshot' in frame)!;
  assert.deepEqual(
    snapshot.map(({ key }: { key: string }) => key),
    [other, KEY],
  );
});

test('a value of a snapshot is not sent if inputs are deleted again while it is compared with them', async () => {
  const { cache, store, client, writeElsewhere } = replica({ linked: true, dependencies: true });
  const inputs = ['borrow_rate:GME', 'volatility:GME', 'event_risk:GME', 'broker_config:c1'];
  const [dependent, late] = ['calculation:GME:c1:x', 'calculation:Z'];
  for (const key of [...inputs, dependent, late]) writeElsewhere(key);
  const { request, socket } = client();
  store.hold();
  request({ id: 1, op: 'subscribe', types: ['calculation'], values: true });
  const readOf = await snapshotReads(store, 2);
  const deletion = () => cache.matchChanged({ type: typeIndex('event_risk')! }, 'delete');
  await readOf(dependent).answer();
  deletion();
  await readOf(late).answer();
  await settled();
  const again = store.next('read');
  assert.equal(again.key, dependent);
  await again.answer();
  await settled();
  const compared = inputs.map(() => store.next('read'));
  for (const read of compared) read.happen();
  store.entries.delete(inputs[0]!);
  deletion();
  store.release();
  for (const read of compared) await read.answer();
  await settled();
  await settled();
  const snapshot = socket.sent.find((frame) => 'snapshot' in frame);
  assert.deepEqual(
    snapshot?.snapshot.map(({ key }: { key: string }) => key),
    [late],
    JSON.stringify(socket.sent),
  );
});

test('a read that L2 does not answer is repeated until it succeeds, and its value is pushed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { cache, store, client, writeElsewhere } = replica({ linked: true });
  writeElsewhere(KEY);
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  await settled();
  store.fault = TIMEOUT;
  const version = writeElsewhere(KEY);
  cache.keyChanged(KEY, { reason: 'set', version });
  await settled();
  await settled();
  const invalidated = { event: 'invalidate', key: KEY, reason: 'remote' };
  assert.deepEqual(events(), [invalidated]);
  // The pauses double, up to two seconds.
  const asked: number[] = [];
  for (let ms = 0; ms < 10_000; ms += 50) {
    const before = store.calls.read;
    t.mock.timers.tick(50);
    await settled();
    if (store.calls.read > before) asked.push(ms + 50);
  }
  assert.deepEqual(asked, [50, 150, 350, 750, 1550, 3150, 5150, 7150, 9150]);
  assert.deepEqual(events(), [invalidated], 'the invalidation is not repeated');
  store.fault = undefined;
  t.mock.timers.tick(2000);
  await settled();
  await settled();
  const [, update, ...more] = events();
  assert.deepEqual([update.event, update.version], ['update', version]);
  assert.deepEqual(more, []);
  const { read } = store.calls;
  t.mock.timers.tick(60_000);
  await settled();
  assert.equal(store.calls.read, read, 'no further read is sent');
});

test('a client by type receives a value that its snapshot could not read, also after a notice', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { cache, store, client, writeElsewhere } = replica({ linked: true });
  const version = writeElsewhere(KEY);
  const { request, events, socket } = client();
  store.hold();
  request({ id: 1, op: 'subscribe', types: ['borrow_rate'], values: true });
  await settled();
  await store.next('list').answer();
  await store.next('read').fail(DOWN);
  store.release();
  await settled();
  assert.deepEqual(socket.sent[0].snapshot, [{ key: KEY, code: 'l2_unavailable' }]);
  cache.matchChanged({ type: 0 }, 'remote');
  t.mock.timers.tick(50);
  await settled();
  await settled();
  const [notice, update] = events();
  assert.deepEqual(notice, { event: 'invalidate', type: 'borrow_rate', reason: 'remote' });
  assert.deepEqual([update.event, update.version], ['update', version]);
});

test('a failed read is not repeated for a key without subscribers', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { cache, store, client } = replica({ linked: true });
  const { request } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  store.fault = DOWN;
  cache.keyChanged(KEY, undefined);
  await settled();
  request({ id: 2, op: 'unsubscribe', subscription: 1 });
  const { read } = store.calls;
  t.mock.timers.tick(60_000);
  await settled();
  assert.equal(store.calls.read, read);
});

test('a snapshot by type or prefix contains pending values', async () => {
  const { cache, store, client, writeElsewhere } = replica({ linked: true });
  writeElsewhere('volatility:STORED');
  writeElsewhere('volatility:GONE');
  store.fault = DOWN;
  await cache.set('volatility:PENDING', json('"pending"'));
  await cache.set('volatility:STORED', json('"pending"'));
  await cache.delete('volatility:GONE');
  store.fault = undefined;
  for (const interest of [{ types: ['volatility'] }, { prefixes: ['vol'] }]) {
    const { request, socket } = client();
    request({ id: 1, op: 'subscribe', ...interest, values: true });
    await settled();
    await settled();
    const items = socket.sent.flatMap(({ snapshot }) => snapshot ?? []);
    assert.deepEqual(items.map(({ key, value }: { key: string; value: unknown }) => [key, value]).sort(), [
      ['volatility:GONE', undefined],
      ['volatility:PENDING', 'pending'],
      ['volatility:STORED', 'pending'],
    ]);
    assert.ok(items.every(({ code }) => code === 'l2_unavailable'));
  }
});

test('an update marks a pending value, and a value that Redis has is not marked', async () => {
  const { cache, store, client } = replica({ linked: true });
  const { request, events } = client();
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  store.fault = DOWN;
  await cache.set(KEY, json('"pending"'));
  await settled();
  store.fault = undefined;
  await cache.set(KEY, json('"stored"'));
  await settled();
  assert.deepEqual(
    events().map(({ value, code }) => [value, code]),
    [
      ['pending', 'l2_unavailable'],
      ['stored', undefined],
    ],
  );
});

test('a subscription by type does not change L1 or its order of use', async () => {
  const { cache, memory, client, writeElsewhere } = replica({ linked: true, memory: { maxEntries: 10 } });
  for (let i = 0; i < 100; i++) writeElsewhere(`volatility:${i}`);
  for (let i = 0; i < 10; i++) {
    await cache.set(`borrow_rate:${i}`, json('1'));
    await cache.get(`borrow_rate:${i}`);
  }
  const held = () => Array.from(memory.entries(), ({ key }) => key);
  const before = held();
  const { request, socket } = client();
  request({ id: 1, op: 'subscribe', types: ['volatility', 'borrow_rate'], values: true });
  await settled();
  await settled();
  assert.equal(socket.sent.flatMap(({ snapshot }) => snapshot ?? []).length, 110);
  assert.deepEqual(held(), before);
  // The least recently used entry is still the entry that was written first.
  await cache.set('borrow_rate:new', json('1'));
  await cache.get('borrow_rate:new');
  assert.deepEqual(
    [memory.cached('borrow_rate:0'), memory.cached('borrow_rate:1')?.key],
    [undefined, 'borrow_rate:1'],
  );
});

test('a new subscription pushes nothing to existing subscribers, even beyond the number of remembered keys', async () => {
  const { client, writeElsewhere } = replica({ linked: true, rememberedKeys: 10 });
  for (let i = 0; i < 50; i++) writeElsewhere(`volatility:${i}`);
  const [first, second] = [client(), client()];
  for (const { request } of [first, second]) {
    request({ id: 1, op: 'subscribe', types: ['volatility'], values: true });
    await settled();
    await settled();
  }
  assert.deepEqual([first.events(), second.events()], [[], []]);
});

test('an entry that cannot be encoded costs its subscribers one invalidation, and other keys are pushed', async () => {
  const { hub, client, faults } = replica();
  const clients = [client(), client()];
  for (const { request } of clients) request({ id: 1, op: 'subscribe', keys: [KEY, 'other'], values: true });
  await settled();
  const bad = entryOf(KEY, 7);
  const broken = new Error('broken entry');
  Object.defineProperty(bad, 'json', {
    get: () => {
      throw broken;
    },
  });
  hub.learned(KEY, bad, 'set');
  hub.learned('other', entryOf('other', 8), 'set');
  await settled();
  assert.deepEqual(faults, [broken]);
  for (const { events } of clients) {
    const pushed = events().map(({ event, key }) => [event, key]);
    assert.deepEqual(pushed, [
      ['invalidate', KEY],
      ['update', 'other'],
    ]);
  }
});

test('a read after a change that throws costs the subscribers of its key one invalidation', async () => {
  const { cache, hub, client, faults, writeElsewhere } = replica();
  const { request, events } = client();
  writeElsewhere(KEY);
  request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
  await settled();
  const broken = new Error('broken read');
  cache.refresh = () => Promise.reject(broken);
  hub.changed(KEY, undefined);
  await settled();
  assert.deepEqual(faults, [broken]);
  assert.deepEqual(
    events().map(({ event, key }) => [event, key]),
    [['invalidate', KEY]],
  );
});

test('a later read of a forgotten key reports the change that an earlier read was sent for', async () => {
  for (const act of ['write', 'delete']) {
    const { cache, store, client, writeElsewhere } = replica({ linked: true, rememberedKeys: 2 });
    for (const key of [KEY, 'volatility:1', 'volatility:2']) writeElsewhere(key);
    const [first, second] = [client(), client()];
    first.request({ id: 1, op: 'subscribe', keys: [KEY, 'volatility:1', 'volatility:2'], values: true });
    await settled();
    await settled();
    // The hub forgets the key.
    for (const key of ['volatility:1', 'volatility:2']) await cache.set(key, json('1'));
    await settled();
    const before = first.events().length;
    store.hold();
    const version = act === 'write' ? writeElsewhere(KEY) : undefined;
    if (act === 'delete') store.entries.delete(KEY);
    cache.keyChanged(KEY, undefined);
    // As after a refused condition: the second read does not join the first one.
    cache.fence(KEY);
    second.request({ id: 1, op: 'subscribe', keys: [KEY], values: true });
    await settled();
    const refresh = store.next('read');
    await store.next('read').answer();
    await refresh.answer();
    await settled();
    assert.equal(first.events().length - before, 1, act);
    assert.deepEqual(statesOf(KEY, first.socket.sent).at(-1), version, act);
  }
});
