import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineThrough } from '../../bench/links/line.ts';

test('a line through points that lie on a line is that line', () => {
  const { start, slope } = lineThrough([1, 2, 5, 10].map((x) => [x, 3 + 2 * x] as const));
  assert.ok(Math.abs(start - 3) < 1e-9 && Math.abs(slope - 2) < 1e-9, `${start}, ${slope}`);
});

test('points at equal distances on both sides of a line do not move it', () => {
  const points = [1, 2, 3, 4].flatMap((x) => [[x, x + 1] as const, [x, x - 1] as const]);
  const { start, slope } = lineThrough(points);
  assert.ok(Math.abs(start) < 1e-9 && Math.abs(slope - 1) < 1e-9, `${start}, ${slope}`);
});
