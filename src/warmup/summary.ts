import type { Fault } from './record.ts';

/** Details of this number of faults and failures are stored; all are counted. */
export const DETAILS_KEPT = 20;
const NOTES_KEPT = 100;

/** A record that was read, but failed or is not confirmed. */
export interface Failure {
  readonly line: number;
  readonly key: string;
  readonly reason: string;
}

/** The result of a load. `read` = `stored` + `kept` + `pending` + `superseded` + `failed` + `unsent`. */
export interface Summary {
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
  /** The first 20 of `failed` and `pending`. */
  failures: Failure[];
  notes: string[];
  elapsedMs: number;
  /** Why the load ended early; null if it read and sent everything. */
  stopped: string | null;
}

export function emptySummary(): Summary {
  return {
    read: 0,
    stored: 0,
    kept: 0,
    pending: 0,
    superseded: 0,
    failed: 0,
    unsent: 0,
    faultCount: 0,
    faults: [],
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

export function addNote(summary: Summary, note: string): void {
  if (summary.notes.length < NOTES_KEPT) summary.notes.push(note);
}
