import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputChanges } from '../../../src/cache/dependencies/input-changes.ts';
import { DEFAULT_RULES, parseRules } from '../../../src/cache/dependencies/rules.ts';
import { Entry } from '../../../src/cache/entry.ts';
import { EVERYTHING } from '../../../src/cache/match.ts';
import { originOf } from '../../../src/cache/origin.ts';
import { DOWN, followChanges, json, NOW, openReplica, type ReplicaOptions } from '../../support/replica.ts';

const CALCULATION = 'calculation:GME:c1:1000:30';
const INPUTS = ['borrow_rate:GME', 'volatility:GME', 'event_risk:GME', 'broker_config:c1'];
const UNRELATED = ['borrow_rate:AMC', 'min_rate:GME', 'broker_config:c2', 'borrow_rate:GME:x'];

/** Two replicas on one L2. The test passes on what the link reports: `hears`. */
function replicas(options: ReplicaOptions = {}) {
  const clock = { now: NOW };
  const on = openReplica({ clock, linked: true, dependencies: true, pendingWrites: {}, ...options });
  const other = openReplica({
    clock,
    writer: '0000000b',
    entries: on.store.entries,
    linked: true,
    dependencies: true,
  });
  const set = async (by: typeof on, key: string, origin?: ReturnType<typeof originOf>) => {
    const { version } = await by.cache.set(key, json('1'), undefined, undefined, { origin });
    return version!;
  };
  return {
    ...on,
    other,
    set: (key: string, origin?: ReturnType<typeof originOf>) => set(on, key, origin),
    /** The other replica writes the key; returns the version. */
    otherSets: (key: string) => set(other, key),
    hears: (key: string, version?: string) =>
      on.cache.keyChanged(key, version === undefined ? undefined : { reason: 'set', version }),
    async read(key = CALCULATION) {
      const { entry, source, outdatedBy } = await on.cache.get(key);
      return entry === undefined ? (outdatedBy ?? source) : 'served';
    },
  };
}

for (const input of INPUTS)
  test(`a calculation is not served after an own write of ${input}`, async () => {
    const { set, read, held, counters } = replicas();
    for (const key of INPUTS) await set(key);
    await set(CALCULATION);
    assert.equal(await read(), 'served');
    assert.ok(held(CALCULATION), 'L1 must have it');
    await set(input);
    assert.equal(await read(), input);
    assert.equal(held(CALCULATION), undefined);
    assert.equal(counters.outdatedDependents, 1);
    await set(CALCULATION);
    assert.equal(await read(), 'served');
  });

test('changes of other keys do not matter', async () => {
  const { set, read } = replicas();
  await set(CALCULATION);
  for (const key of UNRELATED) await set(key);
  assert.equal(await read(), 'served');
});

test('a calculation is not served after the link has reported a change of an input, in L1 and in L2', async () => {
  const { set, otherSets, hears, read, cache } = replicas();
  await set(CALCULATION);
  assert.equal(await read(), 'served');
  hears(INPUTS[0]!, await otherSets(INPUTS[0]!));
  assert.equal(cache.peek(CALCULATION), undefined);
  assert.equal(await read(), INPUTS[0]);
  assert.equal((await cache.look(CALCULATION)).entry, undefined);
  assert.equal((await cache.refresh(CALCULATION)).entry, undefined);
});

test('a change by another program counts, whose time is not known', async () => {
  const { set, hears, read, clock } = replicas();
  hears(CALCULATION, await set(CALCULATION));
  assert.equal(await read(), 'served');
  hears('volatility:GME');
  assert.equal(await read(), 'volatility:GME');
  clock.now++;
  hears(CALCULATION, await set(CALCULATION));
  assert.equal(await read(), 'served');
});

test('a deletion of an input counts', async () => {
  const { set, cache, read } = replicas();
  await set(INPUTS[0]!);
  await set(CALCULATION);
  await cache.delete(INPUTS[0]!);
  assert.equal(await read(), INPUTS[0]);
});

test('the order of the link counts where the clock of a writer is behind', async () => {
  const { otherSets, hears, read, clock } = replicas();
  const calculated = await otherSets(CALCULATION);
  hears(CALCULATION, calculated);
  assert.equal(await read(), 'served');
  // Stamped before the calculation, and made after it, as by the replay of a pending write.
  const late = `${(clock.now - 5000).toString(16).padStart(12, '0')}00000000000c`;
  assert.ok(late < calculated);
  hears('borrow_rate:GME', late);
  assert.equal(await read(), 'borrow_rate:GME');
});

test('a calculation that is written right after its input by another replica is served', async () => {
  const { otherSets, hears, read } = replicas();
  const input = await otherSets('borrow_rate:GME');
  const calculated = await otherSets(CALCULATION);
  hears('borrow_rate:GME', input);
  assert.equal(await read(), 'served');
  hears(CALCULATION, calculated);
  assert.equal(await read(), 'served');
});

test('of changes that the link reports together, versions decide, and an input without a version is newer', async () => {
  const { otherSets, cache, read } = replicas();
  const together = (changes: [key: string, version: string | undefined][]) =>
    cache.keysChanged(
      changes.map(([key, version]) => ({ key, announced: version ? { reason: 'set', version } : undefined })),
    );
  const input = await otherSets('volatility:GME');
  const calculated = await otherSets(CALCULATION);
  together([
    [CALCULATION, calculated],
    ['volatility:GME', input],
  ]);
  assert.equal(await read(), 'served');
  const later = await otherSets('volatility:GME');
  together([
    [CALCULATION, calculated],
    ['volatility:GME', later],
  ]);
  assert.equal(await read(), 'volatility:GME');
  together([
    ['borrow_rate:GME', undefined],
    [CALCULATION, await otherSets(CALCULATION)],
  ]);
  assert.equal(await read(), 'borrow_rate:GME');
});

test('a calculation that states when its inputs were read is compared with that time', async () => {
  const { set, read, clock } = replicas();
  const readAt = clock.now;
  clock.now += 10;
  await set('borrow_rate:GME');
  clock.now += 10;
  await set(CALCULATION, originOf(readAt, undefined));
  assert.equal(await read(), 'borrow_rate:GME');
  await set(CALCULATION, originOf(clock.now, undefined));
  assert.equal(await read(), 'served');
});

test('after a gap in the link, a calculation is compared with its inputs in one batch of reads', async () => {
  const { set, read, cache, store, clock } = replicas();
  for (const key of INPUTS) await set(key);
  clock.now++;
  await set(CALCULATION);
  clock.now++;
  cache.stateChanged('degraded');
  cache.allChanged('rearmed');
  cache.stateChanged('coherent');
  store.hold();
  const reading = read();
  await store.next('read').answer();
  assert.deepEqual(
    store.held.map(({ key }) => key),
    INPUTS,
  );
  for (const _ of INPUTS) await store.next('read').answer();
  assert.equal(await reading, 'served');
  // It is confirmed now, so L1 serves it until an input changes.
  assert.ok(cache.peek(CALCULATION));
  store.release();
  await set('event_risk:GME');
  assert.equal(await read(), 'event_risk:GME');
});

for (const change of ['set', 'delete'] as const)
  test(`after a gap in the link, a calculation is a miss if an input was changed by ${change}`, async () => {
    const { set, read, cache, other, clock } = replicas();
    for (const key of INPUTS) await set(key);
    await set(CALCULATION);
    cache.stateChanged('degraded');
    clock.now++;
    if (change === 'set') await other.cache.set('volatility:GME', json('2'));
    else await other.cache.delete('volatility:GME');
    cache.allChanged('rearmed');
    cache.stateChanged('coherent');
    assert.equal(await read(), 'volatility:GME');
  });

test('while the link is down, each read compares the calculation with its inputs', async () => {
  const { set, read, cache, other, clock } = replicas();
  for (const key of INPUTS) await set(key);
  clock.now++;
  await set(CALCULATION);
  cache.stateChanged('degraded');
  assert.equal(await read(), 'served');
  clock.now++;
  await other.cache.set('broker_config:c1', json('2'));
  assert.equal(await read(), 'broker_config:c1');
});

test('while Redis does not answer, a calculation is not served from L1', async () => {
  const { set, cache, failing } = replicas();
  await set(CALCULATION);
  await cache.get(CALCULATION);
  cache.stateChanged('blind');
  const { entry, source, fault } = await failing(DOWN, () => cache.get(CALCULATION));
  assert.deepEqual([entry, source, fault], [undefined, 'unknown', DOWN]);
});

test('a pending write of an input makes a pending calculation outdated', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { set, read, failing } = replicas();
  await failing(DOWN, async () => {
    await set(CALCULATION);
    assert.equal(await read(), 'served');
    await set('borrow_rate:GME');
    assert.equal(await read(), 'borrow_rate:GME');
  });
});

for (const match of [EVERYTHING, { type: 1 }, { pattern: 'vol*' }, { pattern: '*:GME' }])
  test(`a calculation is a miss after the deletion of inputs by ${JSON.stringify(match)}`, async () => {
    const { set, read, cache } = replicas();
    for (const key of INPUTS) await set(key);
    await set(CALCULATION);
    await cache.invalidate(match);
    assert.notEqual(await read(), 'served');
  });

test('a calculation is served after a deletion by pattern that covers no inputs', async () => {
  const { set, read, cache } = replicas();
  await set(CALCULATION);
  await cache.invalidate({ pattern: 'min_rate:*' });
  assert.equal(await read(), 'served');
});

test('without Redis, own writes, deletions and expiries of inputs count', async () => {
  const { set, read, cache, memory, clock } = replicas({ standalone: true, linked: false });
  await set(CALCULATION);
  assert.equal(await read(), 'served');
  await set('borrow_rate:GME');
  assert.equal(await read(), 'borrow_rate:GME');
  await set(CALCULATION);
  await cache.delete('borrow_rate:GME');
  assert.equal(await read(), 'borrow_rate:GME');
  await cache.set('volatility:GME', json('1'), 1000);
  await set(CALCULATION);
  assert.equal(await read(), 'served');
  clock.now += 1000;
  for (const _ of memory.sweep());
  assert.equal(await read(), 'volatility:GME');
  await set(CALCULATION);
  await cache.invalidate({ type: 0 });
  assert.notEqual(await read(), 'served');
});

test('clients are notified of the input before the change itself', async () => {
  const { set, cache } = replicas();
  const changes = followChanges(cache);
  await set('borrow_rate:GME');
  assert.deepEqual(changes, ['borrow_rate:GME input changed', 'borrow_rate:GME stored 1']);
});

test('too many changes raise the floor to the newest that is forgotten', () => {
  const changes = new InputChanges(parseRules(DEFAULT_RULES), 2);
  const version = (n: number) => `${n.toString(16).padStart(12, '0')}000000000001`;
  const stored = (n: number) => new Entry('calculation:A:c:1', json('1'), version(n), NOW, NOW + 1000);
  for (const [n, ticker] of ['A', 'B', 'C', 'D'].entries())
    changes.changed(`borrow_rate:${ticker}`, version(n + 1));
  assert.equal(changes.floor, version(2));
  assert.equal(changes.knows(stored(2)), false);
  assert.equal(changes.knows(stored(3)), true);
  assert.equal(changes.changeAfter(stored(3)), undefined);
});
