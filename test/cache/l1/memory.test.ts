import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { Entry } from '../../../src/cache/entry.ts';
import type { Memory } from '../../../src/cache/l1/memory.ts';
import { TYPES, typeOf } from '../../../src/key.ts';
import { total } from '../../../src/metrics/counters.ts';
import { NOW, openMemory } from '../../support/replica.ts';

const held = (memory: Memory) => Array.from(memory.entries(), ({ key }) => key).sort();

test('an entry is fresh until the first of its two deadlines', () => {
  const { memory, clock, put } = openMemory();
  const long = put('long', 300_000);
  const short = put('short', 10_000);
  clock.now = NOW + 9_999;
  assert.equal(memory.fresh('short'), short);
  clock.now = NOW + 10_000;
  assert.equal(memory.fresh('short'), undefined);
  clock.now = NOW + 59_999;
  assert.equal(memory.fresh('long'), long);
  clock.now = NOW + 60_000;
  assert.equal(memory.fresh('long'), undefined);
});

test('an entry that is no longer fresh stays until it expires, and is then deleted', () => {
  const { memory, clock, counters, put } = openMemory();
  const entry = put('volatility:X', 300_000);
  clock.now = NOW + 299_999;
  assert.equal(memory.fresh('volatility:X'), undefined);
  assert.equal(memory.unexpired('volatility:X'), entry);
  clock.now = NOW + 300_000;
  assert.equal(memory.unexpired('volatility:X'), undefined);
  assert.equal(memory.size, 0);
  assert.equal(counters.l1Expirations[typeOf('volatility:X')], 1);
});

test('while L1 is not trusted, no entry is fresh, and unexpired entries stay', () => {
  const { memory, put } = openMemory();
  const entry = put('k');
  memory.trustAll(false);
  assert.equal(memory.fresh('k'), undefined);
  assert.equal(memory.unexpired('k'), entry);
  memory.trustAll(true);
  assert.equal(memory.fresh('k'), entry);
});

test('`cached` returns an entry past its deadlines, and does not count as use', () => {
  const { memory, clock, put } = openMemory({ maxEntries: 2 });
  const entry = put('a');
  put('b');
  clock.now = NOW + 300_000;
  assert.equal(memory.cached('a'), entry);
  assert.equal(memory.cached('none'), undefined);
  put('c');
  assert.equal(memory.cached('a'), undefined);
});

test('an entry that is set again is fresh again', () => {
  const { memory, clock, put } = openMemory();
  const entry = put('k');
  clock.now = NOW + 60_000;
  memory.set(entry);
  assert.equal(memory.fresh('k'), entry);
  assert.equal(memory.size, 1);
});

test('with an infinite L1 TTL, an entry is fresh until it expires', () => {
  const { memory, clock, put } = openMemory({ ttlMs: Number.POSITIVE_INFINITY });
  put('k', 300_000);
  clock.now = NOW + 299_999;
  assert.ok(memory.fresh('k'));
  clock.now++;
  assert.equal(memory.fresh('k'), undefined);
});

test('the least recently used entry is evicted first, and reading or setting counts as use', () => {
  const { memory, counters, put } = openMemory({ maxEntries: 3 });
  for (const key of ['a', 'b', 'c']) put(key);
  memory.fresh('a');
  put('b');
  put('d');
  assert.deepEqual(held(memory), ['a', 'b', 'd']);
  put('e');
  assert.deepEqual(held(memory), ['b', 'd', 'e']);
  assert.equal(total(counters.l1Evictions), 2);
});

test('`unexpired` does not count as use', () => {
  const { memory, put } = openMemory({ maxEntries: 2 });
  put('a');
  put('b');
  memory.unexpired('a');
  put('c');
  assert.deepEqual(held(memory), ['b', 'c']);
});

test('a memory of one entry holds the last entry', () => {
  const { memory, put } = openMemory({ maxEntries: 1 });
  for (const key of ['a', 'b', 'b', 'c']) put(key);
  assert.deepEqual(held(memory), ['c']);
  assert.equal(memory.delete('c'), true);
  put('d');
  assert.deepEqual(held(memory), ['d']);
});

test('removing an entry to make room counts as an eviction, or as an expiry if the entry has expired', () => {
  const { clock, counters, put } = openMemory({ maxEntries: 2 });
  put('borrow_rate:A', 10);
  put('min_rate:A');
  clock.now = NOW + 10;
  put('c');
  assert.equal(counters.l1Expirations[typeOf('borrow_rate:A')], 1);
  assert.equal(total(counters.l1Evictions), 0);
  put('d');
  assert.equal(counters.l1Evictions[typeOf('min_rate:A')], 1);
  assert.equal(total(counters.l1Expirations), 1);
});

test('entries and evictions are counted by type', () => {
  const { memory, counters, put } = openMemory({ maxEntries: TYPES.length });
  for (const type of TYPES) put(`${type}:A`);
  assert.deepEqual(
    [...memory.sizes],
    TYPES.map(() => 1),
  );
  for (const type of TYPES) put(`${type}:B`);
  assert.deepEqual(
    [...memory.sizes],
    TYPES.map(() => 1),
  );
  assert.deepEqual(
    [...counters.l1Evictions],
    TYPES.map(() => 1),
  );
});

test('the byte budget is never exceeded, and the least recently used entries are evicted', () => {
  const cost = openMemory().put('a', 1000, 'x'.repeat(100)).bytes;
  const small = openMemory({ maxBytes: 3 * cost });
  for (const key of ['a', 'b', 'c']) small.put(key, 1000, 'x'.repeat(100));
  assert.equal(small.memory.bytes, 3 * cost);
  small.put('d', 1000, 'x'.repeat(101));
  assert.deepEqual(held(small.memory), ['c', 'd']);
  assert.equal(small.memory.bytes, 2 * cost + 1);
  assert.equal(total(small.counters.l1Evictions), 2);
});

test('with a byte budget below the entry limit, an entry in regular use is not evicted', () => {
  const { memory, put } = openMemory({ maxEntries: 16_000, maxBytes: 300 * 100 });
  put('used');
  let lost = 0;
  for (let i = 0; i < 5000; i++) {
    put(`k${i}`);
    if (memory.fresh('used') !== undefined) continue;
    lost++;
    put('used');
  }
  assert.ok(lost <= 1, `evicted ${lost} times`);
});

test('replacing an entry keeps its place in the order of entries, with and without a byte budget', () => {
  for (const maxBytes of [0, 10_000]) {
    const { memory, put } = openMemory({ maxBytes });
    for (const key of ['a', 'b', 'c', 'a']) put(key);
    assert.deepEqual(
      Array.from(memory.entries(), ({ key }) => key),
      ['a', 'b', 'c'],
    );
  }
});

test('an entry larger than the whole budget is not stored, and evicts no other entry', () => {
  const { memory, counters, put } = openMemory({ maxBytes: 2000 });
  put('a');
  put('b');
  const before = memory.bytes;
  put('large', 1000, 'x'.repeat(2000));
  assert.deepEqual(held(memory), ['a', 'b']);
  assert.equal(memory.bytes, before);
  put('a', 1000, 'x'.repeat(2000));
  assert.deepEqual(held(memory), ['b'], 'the replaced value must not be served');
  assert.equal(total(counters.l1Evictions), 0);
});

test('replacing an entry counts neither an eviction nor an expiry, and the entry is counted once', () => {
  const { memory, counters, put } = openMemory({ maxEntries: 2 });
  put('borrow_rate:A');
  put('borrow_rate:B');
  const { bytes } = put('borrow_rate:A', 1000, '22');
  assert.equal(memory.size, 2);
  assert.equal(memory.sizes[0], 2);
  assert.equal(memory.bytes, 2 * bytes - 1);
  assert.equal(total(counters.l1Evictions) + total(counters.l1Expirations), 0);
});

test('delete returns whether the key existed', () => {
  const { memory, put } = openMemory();
  put('k');
  assert.equal(memory.delete('k'), true);
  assert.equal(memory.delete('k'), false);
  assert.equal(memory.fresh('k'), undefined);
  assert.equal(memory.bytes, 0);
});

test('deleteWhere deletes the matching entries and returns their count', () => {
  const { memory, counters, put } = openMemory();
  for (let i = 0; i < 10; i++) put(`volatility:${i}`);
  for (let i = 0; i < 5; i++) put(`min_rate:${i}`);
  assert.equal(
    memory.deleteWhere(({ key }) => key.startsWith('vol')),
    10,
  );
  assert.equal(
    memory.deleteWhere(({ key }) => key.startsWith('vol')),
    0,
  );
  assert.equal(memory.size, 5);
  assert.equal(memory.sizes[typeOf('volatility:')], 0);
  assert.equal(total(counters.l1Evictions) + total(counters.l1Expirations), 0);
});

test('clear deletes all entries, returns their count, and leaves the memory usable', () => {
  const { memory, put } = openMemory({ maxEntries: 3 });
  for (const key of ['a', 'b', 'c']) put(key);
  memory.delete('b');
  assert.equal(memory.clear(), 2);
  assert.equal(memory.size, 0);
  assert.equal(memory.bytes, 0);
  assert.equal(total(memory.sizes as Float64Array), 0);
  assert.equal(memory.fresh('a'), undefined);
  for (const key of ['d', 'e', 'f', 'g']) put(key);
  assert.deepEqual(held(memory), ['e', 'f', 'g']);
});

test('names of Object.prototype, emoji and unusual characters work as keys', () => {
  const { memory, put } = openMemory();
  const keys = ['constructor', '__proto__', 'toString', 'hasOwnProperty', '🦊', 'a/b c', ' ', '\0'];
  for (const key of keys) assert.equal(memory.fresh(key), undefined, key);
  for (const key of keys) {
    const entry = put(key);
    assert.equal(memory.fresh(key), entry);
  }
  assert.equal(memory.size, keys.length);
  for (const key of keys) assert.equal(memory.delete(key), true);
  for (const key of keys) assert.equal(memory.fresh(key), undefined, key);
});

test('a sweep removes and counts expired entries, and leaves the others', () => {
  const { memory, clock, counters, put } = openMemory({ maxEntries: 10_000 });
  for (let i = 0; i < 3000; i++) put(`borrow_rate:${i}`, i % 3 === 0 ? 10 : 1000);
  clock.now = NOW + 10;
  const { slices, removed } = finish(memory.sweep());
  assert.equal(removed, 1000);
  assert.equal(memory.size, 2000);
  assert.equal(memory.sizes[0], 2000);
  assert.equal(counters.l1Expirations[0], 1000);
  assert.ok(slices >= 5, `${slices} slices`);
  assert.equal(finish(memory.sweep()).removed, 0);
});

test('a sweep of an empty memory ends at once', () => {
  assert.deepEqual(finish(openMemory().memory.sweep()), { slices: 0, removed: 0 });
});

test('a sweep continues when entries are added, deleted and used between its slices', () => {
  const { memory, clock, counters, put } = openMemory({ maxEntries: 5_000 });
  for (let i = 0; i < 3000; i++) put(`old:${i}`, 10);
  clock.now = NOW + 10;
  const sweep = memory.sweep();
  sweep.next();
  assert.equal(memory.size, 2500);
  for (let i = 0; i < 1000; i++) put(`new:${i}`, 1000);
  for (let i = 1000; i < 1100; i++) memory.delete(`old:${i}`);
  for (let i = 1100; i < 1200; i++) put(`old:${i}`, 1000);
  memory.fresh('old:2999');
  const { removed } = finish(sweep);
  assert.equal(removed, 2800);
  assert.equal(memory.size, 1100);
  assert.equal(total(counters.l1Expirations), 2800);
});

test('a sweep ends even if entries are added as fast as it advances', () => {
  const { memory, put } = openMemory({ maxEntries: 2_000 });
  for (let i = 0; i < 2000; i++) put(`k${i}`);
  const sweep = memory.sweep();
  let slices = 0;
  for (let next = 2000; !sweep.next().done; slices++) {
    assert.ok(slices < 100);
    for (let i = 0; i < 600; i++) put(`k${next++}`);
  }
});

test('a sweep ends when the memory is cleared between its slices', () => {
  const { memory, clock, put } = openMemory({ maxEntries: 2_000 });
  for (let i = 0; i < 1500; i++) put(`k${i}`, 10);
  clock.now = NOW + 10;
  const sweep = memory.sweep();
  sweep.next();
  memory.clear();
  put('k1400', 1000);
  assert.equal(finish(sweep).removed, 500);
  assert.deepEqual(held(memory), ['k1400']);
});

test('deleted, expired, evicted, replaced and cleared entries can be garbage-collected', async () => {
  // Exposes the garbage collector to this test only, without a command-line flag.
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const { memory, clock, put } = openMemory({ maxEntries: 10 });
  const ref = (key: string, lifeMs?: number) => new WeakRef(put(key, lifeMs));
  const gone = new Map<string, WeakRef<Entry>>();
  gone.set('cleared', ref('cleared'));
  memory.clear();
  gone.set('last one deleted', ref('x'));
  memory.delete('x');
  for (const key of ['evicted', 'deleted', 'replaced', 'matched']) gone.set(key, ref(key));
  gone.set('expired', ref('expired', 10));
  gone.set('swept', ref('swept', 10));
  for (let i = 0; i < 5; i++) put(`k${i}`);
  memory.delete('deleted');
  put('replaced');
  memory.deleteWhere(({ key }) => key === 'matched');
  clock.now = NOW + 10;
  memory.unexpired('expired');
  finish(memory.sweep());

  // A WeakRef holds its target until the end of the turn that created or read it.
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  const kept = [...gone].filter(([, ref]) => ref.deref() !== undefined);
  assert.deepEqual(
    kept.map(([how]) => how),
    [],
  );
  assert.ok(memory.fresh('replaced'));
});

test('any sequence of operations has the same results as in a simple model', () => {
  const key = fc.constantFrom(
    ...['borrow_rate:A', 'borrow_rate:B', 'min_rate:A', 'constructor', '__proto__', '🦊', 'k'],
  );
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ set: key, lifeMs: fc.integer({ min: 1, max: 200 }), size: fc.nat(400) }),
    },
    { weight: 2, arbitrary: fc.record({ fresh: key }) },
    fc.record({ unexpired: key }),
    { weight: 2, arbitrary: fc.record({ delete: key }) },
    fc.record({ pass: fc.integer({ min: 1, max: 60 }) }),
    fc.constant({ sweep: true }),
    fc.record({ where: fc.constantFrom('b', 'k', '') }),
    fc.constant({ clear: true }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom(0, 600, 1200),
      fc.array(step, { maxLength: 80 }),
      (maxEntries, maxBytes, steps) => {
        const { memory, clock, counters, put } = openMemory({ maxEntries, maxBytes, ttlMs: 100 });
        const model = new Model(maxEntries, maxBytes);
        for (const step of steps) {
          if ('set' in step)
            model.set(step.set, put(step.set, step.lifeMs, 'x'.repeat(step.size)), clock.now);
          else if ('fresh' in step)
            assert.equal(memory.fresh(step.fresh), model.fresh(step.fresh, clock.now));
          else if ('unexpired' in step)
            assert.equal(memory.unexpired(step.unexpired), model.unexpired(step.unexpired, clock.now));
          else if ('delete' in step) assert.equal(memory.delete(step.delete), model.delete(step.delete));
          else if ('pass' in step) clock.now += step.pass;
          else if ('sweep' in step) assert.equal(finish(memory.sweep()).removed, model.sweep(clock.now));
          else if ('where' in step) {
            const matches = (key: string) => key.startsWith(step.where);
            assert.equal(
              memory.deleteWhere(({ key }) => matches(key)),
              model.deleteWhere(matches),
            );
          } else assert.equal(memory.clear(), model.clear());

          assert.deepEqual(held(memory), model.keys());
          assert.equal(memory.size, model.keys().length);
          assert.equal(memory.bytes, model.bytes);
          for (const type of TYPES.keys())
            assert.equal(memory.sizes[type], model.keys().filter((key) => typeOf(key) === type).length);
          assert.equal(total(counters.l1Evictions), model.evictions);
          assert.equal(total(counters.l1Expirations), model.expirations);
        }
      },
    ),
    { numRuns: 500 },
  );
});

/** A simple model of L1: a list with the least recently used entry first. */
class Model {
  evictions = 0;
  expirations = 0;
  #list: { key: string; entry: Entry; freshUntil: number }[] = [];
  readonly #maxEntries: number;
  readonly #maxBytes: number;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#list.reduce((sum, { entry }) => sum + entry.bytes, 0);
  }

  keys(): string[] {
    return this.#list.map(({ key }) => key).sort();
  }

  set(key: string, entry: Entry, now: number): void {
    this.delete(key);
    if (this.#maxBytes > 0 && entry.bytes > this.#maxBytes) return;
    const room = () =>
      this.#list.length < this.#maxEntries &&
      (this.#maxBytes === 0 || this.bytes + entry.bytes <= this.#maxBytes);
    while (!room()) {
      if (this.#list.shift()!.entry.expiresAt <= now) this.expirations++;
      else this.evictions++;
    }
    this.#list.push({ key, entry, freshUntil: Math.min(now + 100, entry.expiresAt) });
  }

  fresh(key: string, now: number): Entry | undefined {
    const at = this.#list.findIndex((slot) => slot.key === key);
    if (at < 0) return undefined;
    const [slot] = this.#list.splice(at, 1);
    this.#list.push(slot!);
    return slot!.freshUntil > now ? slot!.entry : undefined;
  }

  unexpired(key: string, now: number): Entry | undefined {
    const slot = this.#list.find((slot) => slot.key === key);
    if (slot === undefined || slot.entry.expiresAt > now) return slot?.entry;
    this.delete(key);
    this.expirations++;
    return undefined;
  }

  delete(key: string): boolean {
    return this.deleteWhere((other) => other === key) > 0;
  }

  deleteWhere(matches: (key: string) => boolean): number {
    const before = this.#list.length;
    this.#list = this.#list.filter(({ key }) => !matches(key));
    return before - this.#list.length;
  }

  sweep(now: number): number {
    const over = new Set(this.#list.filter(({ entry }) => entry.expiresAt <= now).map(({ key }) => key));
    this.expirations += over.size;
    return this.deleteWhere((key) => over.has(key));
  }

  clear(): number {
    return this.deleteWhere(() => true);
  }
}

function finish(sweep: Generator<void, number>): { slices: number; removed: number } {
  for (let slices = 0; ; slices++) {
    const { done, value } = sweep.next();
    if (done) return { slices, removed: value };
  }
}
