import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, count, percent, significant } from '../src/format.ts';

test('figures have three digits, thousands apart, and the unit that suits them', () => {
  assert.deepEqual([0, 0.00012345, 0.5, 12_345].map(significant), ['0', '0.000123', '0.5', '12,345']);
  assert.deepEqual([0, 999.5, 1_234_567].map(count), ['0', '1,000', '1,234,567']);
  assert.deepEqual([0, 0.00123, 2 / 3, 1].map(percent), ['0 %', '0.123 %', '66.7 %', '100 %']);
  assert.deepEqual([512, 1_536, 8 * 1024 ** 3].map(bytes), ['512 B', '1.5 KiB', '8 GiB']);
});

test('a value that is not a finite number is shown as a dash', () => {
  assert.deepEqual(
    [significant, count, percent].map((text) => text(0 / 0)),
    ['–', '–', '–'],
  );
});
