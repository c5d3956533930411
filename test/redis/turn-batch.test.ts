import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnBatch } from '../../src/redis/turn-batch.ts';
import { settled } from '../support/gated-store.ts';

function recording(sliceSize: number) {
  const sent: number[][] = [];
  return { sent, batch: new TurnBatch<number>(sliceSize, (items) => sent.push(items)) };
}

test('items of one turn are sent together after the turn', async () => {
  const { sent, batch } = recording(10);
  batch.add(1);
  batch.add(2);
  await Promise.resolve();
  batch.add(3);
  process.nextTick(() => batch.add(4));
  assert.deepEqual(sent, []);
  await settled();
  assert.deepEqual(sent, [[1, 2, 3, 4]]);
});

test('items of the next turn are sent after that turn', async () => {
  const { sent, batch } = recording(10);
  batch.add(1);
  await settled();
  batch.add(2);
  await settled();
  assert.deepEqual(sent, [[1], [2]]);
});

test('a turn without items sends nothing', async () => {
  const { sent, batch } = recording(10);
  batch.add(1);
  await settled();
  await settled();
  assert.equal(sent.length, 1);
});

test('items beyond one slice are sent as several slices in order, and a full slice as one', async () => {
  const { sent, batch } = recording(3);
  for (let i = 1; i <= 7; i++) batch.add(i);
  await settled();
  assert.deepEqual(sent, [[1, 2, 3], [4, 5, 6], [7]]);
  for (let i = 1; i <= 3; i++) batch.add(i);
  await settled();
  assert.deepEqual(sent[3], [1, 2, 3]);
  assert.equal(sent.length, 4);
});

test('an item added while a batch is being sent goes into the next batch', async () => {
  const sent: number[][] = [];
  const batch = new TurnBatch<number>(10, (items) => {
    sent.push(items);
    if (items[0] === 1) batch.add(2);
  });
  batch.add(1);
  await settled();
  await settled();
  assert.deepEqual(sent, [[1], [2]]);
});
