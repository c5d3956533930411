/** Compares two sets of results, and marks regressions. */
import { readFile } from 'node:fs/promises';
import Table from 'cli-table3';
import { count, percent, significant } from '../../src/format.ts';
import type { RunResult } from '../result.ts';
import { duration, VERDICT_WORD } from './format.ts';
import {
  type Comparison,
  compareResults,
  type Difference,
  type Judgement,
  type Kind,
  RULE,
} from './regression.ts';

const MARK: Readonly<Record<Judgement, string>> = {
  regression: '✗ worse',
  improvement: '✓ better',
  same: '',
  'not judged': '–',
};

const TEXT: Readonly<Record<Kind, (value: number) => string>> = {
  rate: count,
  duration,
  cpu: duration,
  share: percent,
};

/** The comparison as text, and whether any figure regressed. */
export function compare(
  before: readonly RunResult[],
  after: readonly RunResult[],
): { readonly text: string; readonly regressed: boolean } {
  const comparisons = compareResults(before, after);
  return {
    text: [...comparisons.map(comparisonTable), ...missing(before, after), RULE].join('\n'),
    regressed: comparisons.some(({ regressed }) => regressed),
  };
}

/** Reads a file of `writeReports`. @throws for any other file */
export async function readResults(path: string): Promise<RunResult[]> {
  const results: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (!Array.isArray(results) || results.some((result) => result?.format !== 1))
    throw new Error(`${path} does not contain results of format 1`);
  return results as RunResult[];
}

function comparisonTable({ profile, verdicts, incomparable, differences, regressed }: Comparison): string {
  const table = new Table({
    head: [profile, 'before', 'after', 'change', ''],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const difference of differences) table.push(row(difference));
  const [then, now] = verdicts;
  table.push([
    'verdict',
    VERDICT_WORD[then],
    VERDICT_WORD[now],
    '',
    then !== now && regressed ? MARK.regression : '',
  ]);
  return table.toString() + (incomparable === null ? '' : `\n${profile}: not judged: ${incomparable}`);
}

function row({ metric, kind, before, after, change, judgement }: Difference): string[] {
  const text = TEXT[kind];
  const size = significant(Math.abs(change) * 100);
  const changed = Number.isFinite(change)
    ? `${change < 0 ? '−' : '+'}${size} ${kind === 'share' ? 'points' : '%'}`
    : '–';
  return [metric, text(before), text(after), changed, MARK[judgement]];
}

function missing(before: readonly RunResult[], after: readonly RunResult[]): string[] {
  const names = (runs: readonly RunResult[]) => new Set(runs.map(({ profile }) => profile));
  const [then, now] = [names(before), names(after)];
  return [
    ...[...then].filter((name) => !now.has(name)).map((name) => `${name}: only before`),
    ...[...now].filter((name) => !then.has(name)).map((name) => `${name}: only now`),
  ];
}
