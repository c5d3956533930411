import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TYPES, typeOf } from '../../src/key.ts';
import { type Subscription, Subscriptions, type Wanted } from '../../src/push/subscriptions.ts';

type Sub = Subscription<string>;

// Few distinct names, so that subscriptions overlap.
const name = fc.string({ unit: fc.constantFrom('a', 'b', ':'), maxLength: 4 });
const key = fc.oneof(
  name,
  fc.tuple(fc.constantFrom(...TYPES), name).map(([type, rest]) => `${type}:${rest}`),
);
const prefix = fc
  .tuple(key, fc.nat({ max: 15 }))
  .map(([text, length]) => text.slice(0, length + 1))
  .filter((text) => text !== '');
const subscription: fc.Arbitrary<Sub> = fc.record({
  subscriber: fc.constantFrom('anna', 'ben', 'cleo'),
  keys: fc.array(key, { maxLength: 3 }),
  types: fc.array(fc.nat({ max: TYPES.length - 1 }), { maxLength: 2 }),
  prefixes: fc.array(prefix, { maxLength: 3 }),
  values: fc.boolean(),
  interval: fc.constantFrom(0, 100, 200),
});

const wants = ({ keys, types, prefixes }: Sub, key: string) =>
  keys.includes(key) || types.includes(typeOf(key)) || prefixes.some((prefix) => key.startsWith(prefix));

test('the index finds the same subscribers of a key as a scan of all subscriptions', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(subscription, fc.boolean()), { maxLength: 12 }),
      fc.array(key, { minLength: 1, maxLength: 10 }),
      (given, asked) => {
        const index = new Subscriptions<string>();
        for (const [each] of given) index.add(each);
        for (const [each, ended] of given) if (ended) index.remove(each);
        const left = given.filter(([, ended]) => !ended).map(([each]) => each);
        assert.equal(index.size, left.length);
        for (const key of [...asked, ...given.flatMap(([{ keys }]) => keys)]) {
          const found = new Map<string, Wanted>();
          for (const { subscriber, values, interval } of left.filter((each) => wants(each, key))) {
            const other = found.get(subscriber) ?? { values, interval };
            const both = {
              values: values || other.values,
              interval: Math.min(interval, other.interval),
            };
            found.set(subscriber, both);
          }
          const given = Array.from(index.of(key), ([name, { values, interval }]) => [
            name,
            { values, interval },
          ]);
          assert.deepEqual(Object.fromEntries(given), Object.fromEntries(found));
          assert.equal(index.has(key), found.size > 0);
        }
        assert.deepEqual([...index.keys()].sort(), [...new Set(left.flatMap(({ keys }) => keys))].sort());
        const open = left.filter(({ types, prefixes }) => types.length + prefixes.length > 0);
        assert.deepEqual(
          [...index.open()].sort(),
          [...new Set(open.map(({ subscriber }) => subscriber))].sort(),
        );
      },
    ),
  );
});

test('removed subscriptions leave no trace in the index', () => {
  fc.assert(
    fc.property(fc.array(subscription, { maxLength: 8 }), (given) => {
      const index = new Subscriptions<string>();
      for (const each of given) index.add(each);
      for (const each of given) index.remove(each);
      assert.deepEqual([index.size, [...index.keys()], [...index.open()]], [0, [], []]);
      for (const { keys, prefixes } of given)
        for (const key of [...keys, ...prefixes]) assert.equal(index.has(key), false);
    }),
  );
});
