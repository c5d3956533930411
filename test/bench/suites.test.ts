import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { idOf } from '../../bench/support/result.ts';
import { suitesMatching } from '../../bench/support/run-suites.ts';
import { nanoseconds, ratio } from '../../bench/support/table.ts';

const SOURCES = new URL('../../src/', import.meta.url);

test('a word chooses the suites whose paths hold it, and no word chooses all', () => {
  assert.deepEqual(suitesMatching(['memory']), ['cache/l1/memory']);
  assert.ok(suitesMatching([]).length > 10);
  assert.deepEqual(suitesMatching(['no such thing']), []);
});

test('each suite but the peers is named after what it measures in src/', () => {
  for (const suite of suitesMatching([])) {
    if (suite.startsWith('peers/')) continue;
    assert.ok(existsSync(new URL(`${suite}.ts`, SOURCES)), suite);
  }
});

test('a benchmark is named by suite, group and name', () => {
  assert.equal(idOf({ suite: 'cache/key', group: 'g', name: 'n' }), 'cache/key > g > n');
});

test('figures have three digits that count', () => {
  assert.deepEqual([0.1234, 1.234, 12.34, 123.4, 1234, 1_234_567].map(nanoseconds), [
    '0.123',
    '1.23',
    '12.3',
    '123',
    '1,234',
    '1,234,567',
  ]);
  assert.deepEqual([0.5, 26.4, 1500].map(ratio), ['0.500', '26.4', '1,500']);
});
