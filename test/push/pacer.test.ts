import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Delivery, Pacer } from '../../src/push/pacer.ts';
import { State } from '../../src/push/state.ts';
import { entryOf, versionOf } from './deps.ts';

const INTERVAL = 100;

const stateOf = (key: string, number: number) => new State(key, entryOf(key, number), 'set', 0);
const paced = (key: string, number: number, interval = INTERVAL): Delivery => [
  stateOf(key, number),
  true,
  interval,
];
const shown = (deliveries: readonly Delivery[]) =>
  deliveries.map(([{ key, entry, merged }]) => [
    key,
    Number.parseInt(entry!.version.slice(0, 16), 16),
    merged,
  ]);

/** A pacer, and what it has sent after an interval. */
function pacer() {
  const sent: Delivery[] = [];
  return { pacer: new Pacer((due) => sent.push(...due)), sent };
}

const elapse = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('states without an interval pass', () => {
  const { pacer: one } = pacer();
  const deliveries = [paced('a', 1, 0), paced('a', 2, 0)];
  assert.equal(one.admit(deliveries), deliveries);
  assert.equal(one.isWaiting, false);
});

test('the first state of a key passes, and then only the newest one waits', async () => {
  const { pacer: one, sent } = pacer();
  assert.deepEqual(shown(one.admit([paced('a', 1), paced('b', 1)])), [
    ['a', 1, 0],
    ['b', 1, 0],
  ]);
  for (const number of [2, 3, 4]) assert.deepEqual(one.admit([paced('a', number)]), []);
  assert.equal(one.isWaiting, true);
  while (sent.length === 0) await elapse(5);
  assert.deepEqual(shown(sent), [['a', 4, 2]]);
  assert.equal(one.isWaiting, false);
  one.clear();
});

test('a short interval does not wait for a long one', async () => {
  const { pacer: one, sent } = pacer();
  for (const number of [1, 2]) one.admit([paced('slow', number, 60_000), paced('quick', number)]);
  while (sent.length === 0) await elapse(5);
  assert.deepEqual(shown(sent), [['quick', 2, 0]]);
  one.clear();
});

test('a state that must not wait replaces the waiting one', () => {
  const { pacer: one } = pacer();
  one.admit([paced('a', 1)]);
  one.admit([paced('a', 2)]);
  assert.deepEqual(shown(one.admit([paced('a', 3, 0)])), [['a', 3, 0]]);
  assert.equal(one.isWaiting, false);
  one.clear();
});

test('a waiting state may be replaced, and keeps its time', () => {
  const { pacer: one } = pacer();
  one.admit([paced('a', 1)]);
  one.admit([paced('a', 2)]);
  one.replaceAll((state) => state.obsolete('delete'));
  one.settle('a', versionOf(2), true);
  assert.equal(one.isWaiting, true, 'the value is not waiting any more');
  one.settle('a', undefined, true);
  assert.equal(one.isWaiting, false);
  one.clear();
});

test('a waiting state is dropped with its key, and when a snapshot contains it', () => {
  const { pacer: one } = pacer();
  for (const key of ['a', 'b', 'c']) {
    one.admit([paced(key, 1)]);
    one.admit([paced(key, 2)]);
  }
  one.settle('a', versionOf(1), true);
  assert.equal(one.isWaiting, true);
  one.settle('a', versionOf(2), true);
  one.deleteWhere(({ key }) => key !== 'a');
  assert.equal(one.isWaiting, false);
  one.clear();
});
