import type { Result } from '../support/result.ts';
import { type Setting, settingOf } from '../support/setting.ts';
import type { Effort, RowResult } from './run-rows.ts';

/** What one run gives: what `--json` writes, and what the table is made of. */
export interface Report extends Setting {
  /** Of this shape; raised when it changes. */
  readonly format: 1;
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
  return { format: 1, ...settingOf(started), effort, rows, suites };
}
