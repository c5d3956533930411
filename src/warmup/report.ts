import { count } from '../format.ts';
import type { Summary } from './summary.ts';

/**
 * The summary for people, as several lines without a final line end:
 *
 *     13,425 records read in 0.84 s: 13,420 stored, 3 kept (already present and newer), 2 failed
 *     2 records failed or are not confirmed
 *       line 40, borrow_rate:X: value_too_large
 *     1 line could not be read
 *       line 17: FEERATE is "abc", expected a percentage or NA
 *     note: #EOF states 13425 rows, but the file has 22
 *     stopped early: interrupted
 */
export function summaryText(summary: Summary): string {
  const { failed, pending, failures, faultCount, faults } = summary;
  const lines = [headline(summary)];
  const missing = failed + pending;
  if (missing > 0) {
    lines.push(`${plural(missing, 'record')} failed or ${missing === 1 ? 'is' : 'are'} not confirmed`);
    for (const { line, key, reason } of failures) lines.push(`  line ${line}, ${key}: ${reason}`);
    if (missing > failures.length) lines.push(`  … and ${count(missing - failures.length)} more`);
  }
  if (faultCount > 0) {
    lines.push(`${plural(faultCount, 'line')} could not be read`);
    for (const { line, reason } of faults) lines.push(`  line ${line}: ${reason}`);
    if (faultCount > faults.length) lines.push(`  … and ${count(faultCount - faults.length)} more`);
  }
  for (const note of summary.notes) lines.push(`note: ${note}`);
  if (summary.stopped !== null) lines.push(`stopped early: ${summary.stopped}`);
  return lines.join('\n');
}

/** The summary for programs: one line of JSON with the members of `Summary`. */
export function summaryJson(summary: Summary): string {
  return JSON.stringify({ ...summary, elapsedMs: Math.round(summary.elapsedMs) });
}

/** Whether every record of the source is stored. It determines the exit code of the command. */
export function succeeded({ failed, pending, faultCount, unsent, stopped }: Summary): boolean {
  return failed === 0 && pending === 0 && faultCount === 0 && unsent === 0 && stopped === null;
}

function headline({ read, stored, kept, pending, superseded, failed, unsent, elapsedMs }: Summary): string {
  const parts = [`${count(stored)} stored`];
  if (kept > 0) parts.push(`${count(kept)} kept (already present and newer)`);
  if (pending > 0) parts.push(`${count(pending)} pending (Redis has not confirmed them)`);
  if (superseded > 0) parts.push(`${count(superseded)} superseded by a later line`);
  if (failed > 0) parts.push(`${count(failed)} failed`);
  if (unsent > 0) parts.push(`${count(unsent)} not sent`);
  return `${plural(read, 'record')} read in ${(elapsedMs / 1000).toFixed(2)} s: ${parts.join(', ')}`;
}

function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}
