import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { suitesMatching } from '../../../bench/suites/command.ts';

const SOURCES = new URL('../../../src/', import.meta.url);

test('a word chooses the suites whose paths contain it, and no word chooses all', () => {
  assert.deepEqual(suitesMatching(['memory']), ['cache/l1/memory']);
  assert.ok(suitesMatching([]).length > 4);
  assert.deepEqual(suitesMatching(['no such thing']), []);
});

test('each suite but the peers is named after the file of src/ that it measures', () => {
  for (const suite of suitesMatching([]).filter((each) => !each.startsWith('peers/')))
    assert.ok(existsSync(new URL(`${suite}.ts`, SOURCES)), suite);
});
