import { release } from 'node:os';
import type { Machine, Result } from '../support/result.ts';
import { currentCommit, thisMachine } from '../support/result.ts';
import type { Effort, RowResult } from './run-rows.ts';

/** What one run gives: what `--json` writes, and what the table is made of. */
export interface Report {
  /** Of this shape; raised when it changes. */
  readonly format: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Null outside of a git repository; ends in `-dirty` where files differ from it. */
  readonly commit: string | null;
  readonly machine: Machine & { readonly kernel: string };
  readonly effort: Effort;
  readonly rows: readonly RowResult[];
  /** Of the microbenchmarks that a target is about; none in a partial run. */
  readonly suites: readonly Result[];
}

export function reportOf(
  started: number,
  effort: Effort,
  rows: readonly RowResult[],
  suites: readonly Result[],
): Report {
  return {
    format: 1,
    startedAt: new Date(started).toISOString(),
    seconds: Math.round((Date.now() - started) / 1000),
    commit: currentCommit(),
    machine: { ...thisMachine(), kernel: release() },
    effort,
    rows,
    suites,
  };
}
