import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Shards } from '../../../src/cache/l1/shards.ts';

const FEW = 1000;
const MANY = 100_000;

test('up to 16,384 entries use one shard, and more entries use a power of two of shards', () => {
  const counts = [1, 16_384, 16_385, 32_768, 32_769, 1_000_000].map(
    (entries) => new Shards(entries).sizes.length,
  );
  assert.deepEqual(counts, [1, 1, 2, 2, 4, 64]);
});

test('keys of every type are spread over the shards', () => {
  const shards = new Shards<number>(MANY);
  const keys = (i: number) => [
    `borrow_rate:T${i}`,
    `calculation:T${i}:client:${i * 7}:30`,
    `min_rate:${i}`,
    `k${i}`,
  ];
  for (let i = 0; i < 10_000; i++) for (const key of keys(i)) shards.set(key, i);
  const [least, most] = [Math.min(...shards.sizes), Math.max(...shards.sizes)];
  assert.ok(most < 2 * least, `${least} to ${most}`);
});

test('one shard and several shards hold the same entries as a Map, and delete returns the deleted value', () => {
  const step = fc.record({
    do: fc.constantFrom('set', 'get', 'peek', 'delete'),
    key: fc.constantFrom('a', 'b', 'constructor', '__proto__', 'borrow_rate:AAPL', 'min_rate:GME', ''),
    value: fc.nat(9),
  });
  for (const entries of [FEW, MANY]) {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const shards = new Shards<number>(entries);
        const model = new Map<string, number>();
        for (const { do: action, key, value } of steps) {
          if (action === 'set') {
            shards.set(key, value);
            model.set(key, value);
          } else if (action === 'delete') {
            assert.equal(shards.delete(key), model.get(key));
            model.delete(key);
          } else assert.equal(shards[action as 'get' | 'peek'](key), model.get(key));
          assert.equal(shards.size, model.size);
          assert.deepEqual([...shards.values()].sort(), [...model.values()].sort());
        }
      }),
    );
  }
});

test('the oldest entry is the least recently used, and a look-up without use does not change the order', () => {
  const shards = new Shards<string>(FEW);
  for (const key of ['a', 'b', 'c']) shards.set(key, key);
  shards.peek('a');
  assert.equal(shards.oldest('c'), 'a');
  shards.get('a');
  assert.equal(shards.oldest('c'), 'b');
});

test('a key that is alone in its shard evicts the oldest entry of another shard', () => {
  const shards = new Shards<string>(MANY);
  shards.set('borrow_rate:AAPL', 'only');
  assert.equal(shards.oldest('borrow_rate:AAPL'), 'only');
  let i = 0;
  const before = shards.sizes;
  do shards.set(`borrow_rate:B${i}`, `B${i}`);
  while (
    shards.sizes.filter((size) => size > 0).length === before.filter((size) => size > 0).length &&
    ++i < 1000
  );
  assert.equal(shards.oldest('borrow_rate:AAPL'), `B${i}`);
});

test('an entry in regular use is not evicted, although only one hit in 16 moves it', () => {
  const shards = new Shards<number>(MANY);
  const hot = 'borrow_rate:HOT';
  shards.set(hot, -1);
  for (let i = 0; i < 400_000; i++) {
    const key = `borrow_rate:T${i}`;
    shards.set(key, i);
    if (shards.size > MANY) {
      const oldest = shards.oldest(key)!;
      shards.delete(oldest === -1 ? hot : `borrow_rate:T${oldest}`);
    }
    if (i % 100 === 0) assert.equal(shards.get(hot), -1, `after ${i} other keys`);
  }
  assert.equal(shards.size, MANY);
});
