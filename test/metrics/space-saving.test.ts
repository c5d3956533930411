import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpaceSaving } from '../../src/metrics/space-saving.ts';

test('counts are exact while every key has a slot', () => {
  const sketch = new SpaceSaving(3);
  for (const key of ['a', 'b', 'a', 'constructor', 'a', 'b']) sketch.add(key);
  assert.deepEqual(sketch.top(9), [
    { key: 'a', count: 3 },
    { key: 'b', count: 2 },
    { key: 'constructor', count: 1 },
  ]);
});

test('the counter never holds more keys than its capacity', () => {
  const sketch = new SpaceSaving(100);
  for (let i = 0; i < 100_000; i++) sketch.add(`key${i}`);
  assert.equal(sketch.size, 100);
});

test('keys seen once are not reported as frequent', () => {
  const sketch = new SpaceSaving(100);
  for (let i = 0; i < 100_000; i++) sketch.add(`key${i}`);
  assert.ok(sketch.top(100).every(({ count }) => count === 1));
});

test('frequent keys are found among ten thousand rare ones, and never counted too high', () => {
  const sketch = new SpaceSaving(100);
  const truth = new Map<string, number>();
  const see = (key: string) => {
    sketch.add(key);
    truth.set(key, (truth.get(key) ?? 0) + 1);
  };
  for (let i = 0; i < 10_000; i++) {
    see(`rare${i}`);
    for (let hot = 0; hot < 5; hot++) if (i % (hot + 2) === 0) see(`hot${hot}`);
  }
  const top = sketch.top(5);
  assert.deepEqual(
    top.map(({ key }) => key),
    ['hot0', 'hot1', 'hot2', 'hot3', 'hot4'],
  );
  for (const { key, count } of sketch.top(100)) assert.ok(count <= truth.get(key)!);
  for (const { key, count } of top) assert.ok(count > truth.get(key)! * 0.9, `${key}: ${count}`);
});
