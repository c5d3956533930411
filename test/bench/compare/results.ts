/** Results as a run gives them, made up. */
import type { Sample } from '../../../bench/compare/measure.ts';
import type { Report } from '../../../bench/compare/report.ts';
import type { ContestantResult, RowResult } from '../../../bench/compare/run-rows.ts';

export function sample(round: number, figures: Partial<Sample> = {}): Sample {
  return { round, perSecond: 100_000, cpuUs: 10, busy: 1, faults: [], ...figures };
}

export function contestant(
  name: string,
  samples: readonly Sample[],
  more: Partial<ContestantResult> = {},
): ContestantResult {
  return { name, title: name, failed: false, samples, ...more };
}

export function row(
  name: string,
  contestants: readonly ContestantResult[],
  references: string[] = [],
): RowResult {
  return {
    name,
    title: `The row ${name}`,
    about: 'What it is.',
    references,
    columns: 'throughput',
    contestants,
  };
}

export function report(rows: readonly RowResult[], suites: Report['suites'] = []): Report {
  return {
    format: 1,
    startedAt: '2026-11-24T10:00:00.000Z',
    seconds: 600,
    commit: 'abc1234',
    machine: { cpu: 'Abacus', cores: 2, platform: 'linux x64', node: 'v22.0.0', kernel: '6.1' },
    effort: { rounds: 5, seconds: 2 },
    rows,
    suites,
  };
}
