import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '../../loadtest/support/random.ts';
import { UnreadDraw } from '../../src/http/unread.ts';

const MEAN = 1000;

test('the distance from one drawn answer to the next is half of the mean to one and a half of it', () => {
  const draw = new UnreadDraw(MEAN, seeded(1));
  const distances: number[] = [];
  let distance = 0;
  for (let i = 0; i < 1_000_000; i++) {
    distance++;
    if (!draw.draws(1)) continue;
    distances.push(distance);
    distance = 0;
  }
  assert.ok(Math.min(...distances) >= MEAN / 2);
  assert.ok(Math.max(...distances) <= 1.5 * MEAN + 1);
  const mean = distances.reduce((sum, each) => sum + each, 0) / distances.length;
  assert.ok(Math.abs(mean - MEAN) < 0.05 * MEAN, `${mean}`);
});

test('an answer larger than the distance is drawn', () => {
  const draw = new UnreadDraw(MEAN, seeded(1));
  for (let i = 0; i < 100; i++) assert.ok(draw.draws(2 * MEAN));
});

for (const connections of [2, 64, 500])
  test(`one connection of ${connections} that take turns is found after the mean on average, and no rhythm hides it`, () => {
    const draw = new UnreadDraw(MEAN, seeded(connections));
    const found: number[] = [];
    let unread = 0;
    while (found.length < 300) {
      for (let other = 1; other < connections; other++) draw.draws(10);
      unread += 10;
      if (!draw.draws(10)) continue;
      found.push(unread);
      unread = 0;
    }
    const mean = found.reduce((sum, each) => sum + each, 0) / found.length;
    assert.ok(Math.abs(mean - MEAN) < 0.2 * MEAN, `${mean}`);
    assert.ok(Math.max(...found) < 15 * MEAN, `${Math.max(...found)}`);
  });
