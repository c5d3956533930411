/** Compares two sets of results, and marks regressions. */
import { readFile } from 'node:fs/promises';
import Table from 'cli-table3';
import { count, percent, significant } from '../../src/format.ts';
import type { RunResult } from '../result.ts';
import { blocksOf, markdownTable } from './document.ts';
import { duration, shortCommit, VERDICT_WORD } from './format.ts';
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

/** The comparison as text and in Markdown, and whether any figure regressed. */
export function compare(
  before: readonly RunResult[],
  after: readonly RunResult[],
): { readonly text: string; readonly markdown: string; readonly regressed: boolean } {
  const comparisons = compareResults(before, after);
  return {
    text: [
      ...comparisons.map(comparisonTable),
      ...missing(before, after),
      `Comparison: ${outcomeOf(comparisons)}`,
      RULE,
    ].join('\n'),
    markdown: markdownOf(comparisons, before, after),
    regressed: comparisons.some(({ regressed }) => regressed),
  };
}

/** A section for a comment: a table for each profile, narrow enough for a phone. */
function markdownOf(
  comparisons: readonly Comparison[],
  before: readonly RunResult[],
  after: readonly RunResult[],
): string {
  const commit = ([first]: readonly RunResult[]) => {
    if (first === undefined) return 'nothing';
    const { build, target } = first;
    return target === null
      ? shortCommit(build.commit)
      : `${target}, with the harness of ${shortCommit(build.commit)}`;
  };
  const taints = [before, after].flatMap((results, i) =>
    results.flatMap((result) =>
      result.taints.map((taint) => `- ${result.profile}, ${i === 0 ? 'before' : 'after'}: ${taint}`),
    ),
  );
  return blocksOf([
    `## Comparison: ${outcomeOf(comparisons)}`,
    `Before: ${commit(before)}. After: ${commit(after)}.`,
    ...comparisons.flatMap((comparison) => [
      `### ${comparison.profile}`,
      markdownTable(['figure', 'before', 'after', 'change', ''], rowsOf(comparison)),
      ...(comparison.incomparable === null ? [] : [`Not judged: ${comparison.incomparable}`]),
    ]),
    ...(taints.length === 0 ? [] : [taints.join('\n')]),
    ...missing(before, after),
    RULE,
  ]);
}

/** A profile without a judged figure is not known to be as good as before. */
function outcomeOf(comparisons: readonly Comparison[]): string {
  if (comparisons.length === 0) return 'no profile is in both results';
  const worse = comparisons.filter(({ regressed }) => regressed);
  const unknown = comparisons.filter(({ differences }) =>
    differences.every(({ judgement }) => judgement === 'not judged'),
  );
  const names = (some: readonly Comparison[]) => some.map(({ profile }) => profile).join(', ');
  const parts: string[] = [];
  if (worse.length > 0) parts.push(`regression in ${names(worse)}`);
  else if (unknown.length < comparisons.length) parts.push('no regression');
  if (unknown.length > 0) parts.push(`not judged: ${names(unknown)}`);
  return parts.join('; ');
}

/** Reads a file of `writeReports`. @throws for any other file */
export async function readResults(path: string): Promise<RunResult[]> {
  const text = await readFile(path, 'utf8');
  let results: unknown;
  try {
    results = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(results) || results.some((result) => result?.format !== 2))
    throw new Error(`${path} does not contain results of format 2; run the profiles again to write them`);
  return results as RunResult[];
}

function comparisonTable(comparison: Comparison): string {
  const { profile, incomparable } = comparison;
  const table = new Table({
    head: [profile, 'before', 'after', 'change', ''],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  table.push(...rowsOf(comparison));
  return table.toString() + (incomparable === null ? '' : `\n${profile}: not judged: ${incomparable}`);
}

/** A row for each figure, and one for the verdicts. */
function rowsOf({ verdicts: [then, now], differences, regressed }: Comparison): string[][] {
  const mark = then !== now && regressed ? MARK.regression : '';
  return [...differences.map(row), ['verdict', VERDICT_WORD[then], VERDICT_WORD[now], '', mark]];
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
