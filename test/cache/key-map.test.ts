import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyMap } from '../../src/cache/key-map.ts';

/** In one part, and in many. */
const EXPECTED = [10, 1_000_000];

test('it does what a Map does, in one part or in many', () => {
  const key = fc.oneof(
    fc.constantFrom('', 'a', 'constructor', '__proto__', '🦊', 'borrow_rate:A'),
    fc.string(),
  );
  const step = fc.oneof(fc.record({ set: key, value: fc.nat() }), fc.record({ delete: key }));
  fc.assert(
    fc.property(fc.constantFrom(...EXPECTED), fc.array(step), (expected, steps) => {
      const map = new KeyMap<number>(expected);
      const model = new Map<string, number>();
      for (const step of steps) {
        if ('set' in step) {
          map.set(step.set, step.value);
          model.set(step.set, step.value);
        } else assert.equal(map.delete(step.delete), model.delete(step.delete));
        assert.equal(map.size, model.size);
      }
      for (const [key, value] of model) assert.equal(map.get(key), value);
      assert.deepEqual([...map.values()].sort(), [...model.values()].sort());
      assert.deepEqual([...map.valuesHeldNow()].sort(), [...model.values()].sort());
    }),
  );
});

for (const expected of EXPECTED)
  test(`a walk bears insertions and deletions, and one of what is held now ends (${expected} expected)`, () => {
    const map = new KeyMap<string>(expected);
    for (let i = 0; i < 1000; i++) map.set(`key:${i}`, `key:${i}`);
    let steps = 0;
    let next = 1000;
    for (const key of map.valuesHeldNow()) {
      // Into a part that is still to come anything may enter.
      assert.ok(++steps <= 1000 * 100);
      map.delete(key);
      for (let i = 0; i < 3; i++) map.set(`key:${next}`, `key:${next++}`);
    }
    assert.ok(map.size >= 3000);
  });

const SHAPES: Readonly<Record<string, (i: number) => string>> = {
  'symbols of a rate': (i) => `borrow_rate:${i.toString(36).toUpperCase().padStart(4, 'A')}`,
  'numbered clients': (i) => `broker_config:client-${String(i).padStart(6, '0')}`,
  'calculations that all end alike': (i) => `calculation:S${i % 3000}:client${i % 70}:${100 * (i % 90)}:30`,
};

for (const [shape, key] of Object.entries(SHAPES))
  test(`no part holds much more than the others: ${shape}`, () => {
    const keys = new Set(Array.from({ length: 100_000 }, (_, i) => key(i)));
    const map = new KeyMap<number>(1_000_000);
    for (const each of keys) map.set(each, 1);
    const sizes = map.partSizes();
    assert.ok(sizes.length > 1);
    const mean = keys.size / sizes.length;
    assert.ok(Math.max(...sizes) < 4 * mean, `the largest holds ${Math.max(...sizes)}, the mean ${mean}`);
  });
