import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addFailure, addFault, addNote, DETAILS_KEPT, emptySummary } from '../../src/warmup/summary.ts';

test('faults and failures are all counted, and the first of them kept', () => {
  const summary = emptySummary();
  for (let line = 1; line <= 100; line++) {
    addFault(summary, { line, reason: 'bad' });
    addFailure(summary, 'failed', { line, key: 'k', reason: 'refused' });
  }
  assert.deepEqual([summary.faultCount, summary.failed], [100, 100]);
  assert.deepEqual([summary.faults.length, summary.failures.length], [DETAILS_KEPT, DETAILS_KEPT]);
  assert.equal(summary.faults[0]?.line, 1);
});

test('an endless stream of notes does not fill the memory', () => {
  const summary = emptySummary();
  for (let n = 0; n < 10_000; n++) addNote(summary, 'note');
  assert.equal(summary.notes.length, 100);
});
