import { count } from '../format.ts';
import type { Summary } from './summary.ts';

/**
 * The summary for people, as several lines without a final line end:
 *
 *     13,425 records read in 0.84 s: 13,420 stored, 3 kept (already present and newer), 2 failed
 *     2 records failed or are not confirmed
 *       line 40, borrow_rate:X: value_too_large
 *     1 line of usa.txt could not be read
 *       line 17: FEERATE is "abc", expected a percentage or NA
 *     1 row of usa.txt contradicts another row of its key and was not loaded
 *       line 18, borrow_rate:X: contract "2" in "USD", but line 3 has contract "1" in "USD"; line 3 wins
 *     note: #EOF states 13425 rows, but the file has 22
 *     nothing was deleted: #EOF states 13425 rows, but the file has 22
 *     stopped early: interrupted
 */
export function summaryText(summary: Summary): string {
  const { failed, pending, failures, faultCount, faults, conflictCount, conflicts } = summary;
  const of = summary.file === null ? '' : ` of ${summary.file}`;
  const lines = [headline(summary)];
  const more = (missing: number): void => {
    if (missing > 0) lines.push(`  … and ${count(missing)} more`);
  };
  const missing = failed + pending;
  if (missing > 0) {
    lines.push(`${plural(missing, 'record')}${of} failed or ${missing === 1 ? 'is' : 'are'} not confirmed`);
    for (const { line, key, reason, records = 1 } of failures)
      lines.push(`  line ${line}, ${key}${records > 1 ? ` and ${count(records - 1)} more` : ''}: ${reason}`);
    more(missing - failures.reduce((sum, { records = 1 }) => sum + records, 0));
  }
  // The last line of the summary has the fatal fault.
  const unreadable = faults.filter(({ fatal }) => !fatal);
  const unreadableCount = faultCount - (faults.length - unreadable.length);
  if (unreadableCount > 0) {
    lines.push(`${plural(unreadableCount, 'line')}${of} could not be read`);
    for (const { line, reason } of unreadable) lines.push(`  line ${line}: ${reason}`);
    more(unreadableCount - unreadable.length);
  }
  if (conflictCount > 0) {
    const rest = conflictCount === 1 ? 'contradicts another row of its key and was' : CONTRADICT;
    lines.push(`${plural(conflictCount, 'row')}${of} ${rest} not loaded`);
    for (const { line, key, reason } of conflicts) lines.push(`  line ${line}, ${key}: ${reason}`);
    more(conflictCount - conflicts.length);
  }
  for (const note of summary.notes) lines.push(`note: ${note}`);
  if (summary.notReplaced !== null) lines.push(`nothing was deleted: ${summary.notReplaced}`);
  if (summary.stopped !== null) lines.push(`stopped early: ${summary.stopped}`);
  return lines.join('\n');
}

const CONTRADICT = 'contradict another row of their key and were';

/** The summary for programs: one line of JSON with the members of `Summary`. */
export function summaryJson(summary: Summary): string {
  return JSON.stringify({ ...summary, elapsedMs: Math.round(summary.elapsedMs) });
}

/** Whether every record of the source is stored, and `--replace` did its work. It determines the exit code. */
export function succeeded(summary: Summary): boolean {
  const { failed, pending, faultCount, conflictCount, unsent, stopped, notReplaced } = summary;
  const missing = failed + pending + faultCount + conflictCount + unsent;
  return missing === 0 && stopped === null && notReplaced === null;
}

function headline({
  read,
  stored,
  kept,
  pending,
  superseded,
  conflictCount,
  failed,
  unsent,
  deleted,
  elapsedMs,
}: Summary): string {
  const parts = [`${count(stored)} stored`];
  if (kept > 0) parts.push(`${count(kept)} kept (already present and newer)`);
  if (pending > 0) parts.push(`${count(pending)} pending (Redis has not confirmed them)`);
  if (superseded > 0) parts.push(`${count(superseded)} superseded by a later line`);
  if (conflictCount > 0) parts.push(`${count(conflictCount)} in conflict`);
  if (failed > 0) parts.push(`${count(failed)} failed`);
  if (unsent > 0) parts.push(`${count(unsent)} not sent`);
  if (deleted > 0) parts.push(`${count(deleted)} deleted (not in the file)`);
  return `${plural(read, 'record')} read in ${(elapsedMs / 1000).toFixed(2)} s: ${parts.join(', ')}`;
}

function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}
