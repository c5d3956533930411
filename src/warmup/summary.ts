import type { Conflict, Fault } from './record.ts';

/** Details of this number of faults and failures are stored; all are counted. */
export const DETAILS_KEPT = 20;
const NOTES_KEPT = 100;

/** A record that was read, but failed or is not confirmed; or a batch that failed as a whole, with its first record. */
export interface Failure {
  readonly line: number;
  readonly key: string;
  readonly reason: string;
  /** The number of records of consecutive batches that failed for this reason; absent for a single record. */
  readonly records?: number;
}

/**
 * The result of a load. `read` = `stored` + `kept` + `pending` + `superseded` + `conflictCount` + `failed` + `unsent`.
 */
export interface Summary {
  /** The path of the file; null if the source has none. */
  file: string | null;
  /** Records read from the source, without lines with faults. */
  read: number;
  /** Stored in Redis, or in L1 of a standalone service. */
  stored: number;
  /** Not written, because the key already had a newer value. */
  kept: number;
  /** Accepted by the service, but not confirmed by Redis. */
  pending: number;
  /** Replaced by a later record with the same key before they were sent. */
  superseded: number;
  /** Rejected by the sink, part of a failed batch, or without an answer when the load was interrupted. */
  failed: number;
  /** Not sent, because the load stopped. */
  unsent: number;
  /** Lines with faults; `faults` contains the first 20. */
  faultCount: number;
  faults: Fault[];
  /** Rows that contradict another row of their key, in the file or stored; `conflicts` contains the first 20. */
  conflictCount: number;
  conflicts: Conflict[];
  /** Stored rows that `--replace` deleted, because the file lacks them. */
  deleted: number;
  /** Why `--replace` deleted nothing; null if it did what was asked. */
  notReplaced: string | null;
  /** Why the file may lack rows; null if it is complete. */
  incomplete: string | null;
  /** The first 20 of `failed` and `pending`. */
  failures: Failure[];
  notes: string[];
  elapsedMs: number;
  /** Why the load ended early; null if it read and sent everything. */
  stopped: string | null;
}

export function emptySummary(): Summary {
  return {
    file: null,
    read: 0,
    stored: 0,
    kept: 0,
    pending: 0,
    superseded: 0,
    failed: 0,
    unsent: 0,
    faultCount: 0,
    faults: [],
    conflictCount: 0,
    conflicts: [],
    deleted: 0,
    notReplaced: null,
    incomplete: null,
    failures: [],
    notes: [],
    elapsedMs: 0,
    stopped: null,
  };
}

export function addFault(summary: Summary, fault: Fault): void {
  summary.faultCount++;
  if (summary.faults.length < DETAILS_KEPT) summary.faults.push(fault);
}

export function addFailure(summary: Summary, count: 'failed' | 'pending', failure: Failure): void {
  summary[count]++;
  if (summary.failures.length < DETAILS_KEPT) summary.failures.push(failure);
}

/** Adds the records of a batch that failed as a whole. A reason is stored once for consecutive batches. */
export function addFailedBatch(
  summary: Summary,
  first: Omit<Failure, 'reason'>,
  records: number,
  reason: string,
): void {
  summary.failed += records;
  const last = summary.failures.at(-1);
  if (last?.records !== undefined && last.reason === reason)
    summary.failures[summary.failures.length - 1] = { ...last, records: last.records + records };
  else if (summary.failures.length < DETAILS_KEPT) summary.failures.push({ ...first, reason, records });
}

export function addConflict(summary: Summary, conflict: Conflict): void {
  summary.conflictCount++;
  if (summary.conflicts.length < DETAILS_KEPT) summary.conflicts.push(conflict);
}

export function addNote(summary: Summary, note: string): void {
  if (summary.notes.length < NOTES_KEPT) summary.notes.push(note);
}
