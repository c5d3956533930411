import assert from 'node:assert/strict';
import { test } from 'node:test';
import { succeeded, summaryJson, summaryText } from '../../src/warmup/report.ts';
import { emptySummary, type Summary } from '../../src/warmup/summary.ts';

test('a load without problems is one line', () => {
  const text = summaryText(summary({ read: 13_425, stored: 13_425, elapsedMs: 843.2 }));
  assert.equal(text, '13,425 records read in 0.84 s: 13,425 stored');
});

test('a load with problems reports every count, the first details with their lines, and why it stopped', () => {
  const text = summaryText(
    summary({
      read: 1005,
      stored: 900,
      kept: 3,
      pending: 4,
      superseded: 2,
      failed: 26,
      unsent: 70,
      failures: [
        { line: 40, key: 'borrow_rate:X', reason: 'value_too_large' },
        { line: 50, key: 'borrow_rate:Y', reason: 'connection refused', records: 20 },
      ],
      faultCount: 2,
      faults: [
        { line: 17, reason: 'the symbol is empty' },
        { line: 60, reason: 'the columns are missing', fatal: true },
      ],
      conflictCount: 1,
      conflicts: [{ line: 18, key: 'borrow_rate:Z', reason: 'another contract' }],
      file: 'usa.txt',
      deleted: 7,
      notReplaced: 'the #EOF line is missing',
      notes: ['the file has no #EOF line'],
      elapsedMs: 2000,
      stopped: 'interrupted',
    }),
  );
  assert.deepEqual(text.split('\n'), [
    '1,005 records read in 2.00 s: 900 stored, 3 kept (already present and newer), ' +
      '4 pending (Redis has not confirmed them), ' +
      '2 superseded by a later line, 1 in conflict, 26 failed, 70 not sent, 7 deleted (not in the file)',
    '30 records of usa.txt failed or are not confirmed',
    '  line 40, borrow_rate:X: value_too_large',
    '  line 50, borrow_rate:Y and 19 more: connection refused',
    '  … and 9 more',
    '1 line of usa.txt could not be read',
    '  line 17: the symbol is empty',
    '1 row of usa.txt contradicts another row of its key and was not loaded',
    '  line 18, borrow_rate:Z: another contract',
    'note: the file has no #EOF line',
    'nothing was deleted: the #EOF line is missing',
    'stopped early: interrupted',
  ]);
});

test('the JSON form is one line with the same members', () => {
  const json = summaryJson(summary({ read: 1, stored: 1, notes: ['a\nb'], elapsedMs: 1.75 }));
  assert.ok(!json.includes('\n'));
  assert.deepEqual(JSON.parse(json), { ...summary({ read: 1, stored: 1, notes: ['a\nb'] }), elapsedMs: 2 });
});

test('a load succeeds when no record is missing; a kept or noted record is not missing', () => {
  assert.ok(succeeded(summary({ read: 3, stored: 1, kept: 1, superseded: 1, notes: ['x'] })));
  assert.ok(!succeeded(summary({ failed: 1 })));
  assert.ok(!succeeded(summary({ pending: 1 })));
  assert.ok(!succeeded(summary({ faultCount: 1 })));
  assert.ok(!succeeded(summary({ unsent: 1 })));
  assert.ok(!succeeded(summary({ conflictCount: 1 })));
  assert.ok(!succeeded(summary({ notReplaced: 'the #EOF line is missing' })));
  assert.ok(!succeeded(summary({ stopped: 'interrupted' })));
});

function summary(parts: Partial<Summary>): Summary {
  return { ...emptySummary(), ...parts };
}
