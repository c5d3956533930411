import type { Fault } from './record.ts';

/** How many faults and failures are kept with their details; all are counted. */
export const DETAILS_KEPT = 20;
const NOTES_KEPT = 100;

/** A record that was read, and that the store does not have as far as is known. */
export interface Failure {
  readonly line: number;
  readonly key: string;
  readonly reason: string;
}

/** What a load did. `read` = `stored` + `kept` + `pending` + `superseded` + `failed` + `unsent`. */
export interface Summary {
  /** Records read from the source; lines with faults are not among them. */
  read: number;
  /** The store has them: Redis, or L1 of a standalone service. */
  stored: number;
  /** Already present and newer, so left alone. */
  kept: number;
  /** Accepted by the service. Redis has not taken them yet, or nobody knows whether it has. */
  pending: number;
  /** Replaced by a later record with the same key before they were sent. */
  superseded: number;
  /** Refused by the sink, lost with their batch, or not answered when the load was interrupted. */
  failed: number;
  /** Read, but not sent because the load stopped. */
  unsent: number;
  /** All lines with faults; `faults` holds the first 20. */
  faultCount: number;
  faults: Fault[];
  /** The first 20 of `failed` and `pending`. */
  failures: Failure[];
  notes: string[];
  elapsedMs: number;
  /** Why the load ended early; null when it read everything and sent it. */
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
