/** Results of a row, made up. */
import type { Row, Target } from '../../../bench/compare/row.ts';
import type { ContestantResult, Figures, RowResult } from '../../../bench/compare/run-rows.ts';

/** @param runs the figures of each round; undefined where the run was invalid */
export function contestant(
  name: string,
  runs: readonly (Figures | undefined)[],
  absent?: string,
): ContestantResult {
  const samples = runs.flatMap((figures, round) => (figures ? [{ round, figures }] : []));
  const invalid = runs.filter((figures) => figures === undefined).map(() => '3 read errors');
  return { name, title: name, samples, invalid, absent };
}

export function result(
  contestants: readonly ContestantResult[],
  figures: Row['figures'] = ['perSecond', 'cpuUs'],
  targets: readonly Target[] = [],
): RowResult {
  const reference = contestants.at(-1)!.name;
  const row = { name: 'get', title: 'GET', about: 'A read.', contestants: [], reference, figures, targets };
  return { row, contestants };
}
