/** The tables of the comparison: the targets, and each row. */
import { count, significant } from '../../src/format.ts';
import type { Cells, Section } from '../support/report.ts';
import type { Figure } from './figure.ts';
import { contestantOf, isIdle, medianOf, ratioOf } from './ratios.ts';
import type { Target } from './row.ts';
import type { ContestantResult, RowResult } from './run-rows.ts';

interface Column {
  readonly head: string;
  readonly text: (value: number) => string;
  /** The name of the ratio of two such figures; figures without a name have no ratio. */
  readonly ratio?: string;
}

const COLUMNS: Readonly<Record<Figure, Column>> = {
  perSecond: { head: 'a second', text: count, ratio: 'rate' },
  cpuUs: { head: 'CPU µs', text: significant, ratio: 'CPU' },
  core: { head: 'core', text: (value) => value.toFixed(2) },
  bytes: { head: 'bytes', text: count },
  p50Us: { head: 'p50 µs', text: count, ratio: 'p50' },
  p99Us: { head: 'p99 µs', text: count },
  instructions: { head: 'instructions', text: count, ratio: 'instructions' },
  startMs: { head: 'ms', text: count, ratio: 'time' },
  megabytes: { head: 'MB resident', text: count },
};

export const IDLE_NOTE =
  '† the server did not use all of its core: the generator determined the rate, or other programs on the machine.';

export function rowSection(result: RowResult): Section {
  const { title, about } = result.row;
  return { title, text: about, table: rowTable(result), notes: notesOf(result) };
}

function rowTable(result: RowResult): Cells {
  const { figures, reference: name } = result.row;
  const reference = contestantOf(result, name)!;
  const isCompared = result.contestants.length > 1;
  const compared = figures.filter((figure) => isCompared && COLUMNS[figure].ratio !== undefined);
  const width = figures.length + compared.length;
  return {
    head: [
      '',
      ...figures.map((figure) => COLUMNS[figure].head),
      ...compared.map((figure) => `${COLUMNS[figure].ratio} : ${reference.title}`),
    ],
    lines: result.contestants.map((contestant) => {
      const { samples, invalid, absent = invalid[0] ?? 'not measured' } = contestant;
      if (samples.length === 0) return [contestant.title, absent, ...Array<string>(width - 1).fill('')];
      const isMarked = figures.includes('core') && isIdle(contestant);
      return [
        `${contestant.title}${isMarked ? ' †' : ''}`,
        ...figures.map((figure) => figureText(contestant, figure)),
        ...compared.map((figure) => ratioText(ratioOf(contestant, reference, figure))),
      ];
    }),
  };
}

/** The runs that do not count, and why. */
export function notesOf({ contestants }: RowResult): string[] {
  return contestants
    .filter(({ samples, invalid, absent }) => samples.length > 0 && (invalid.length > 0 || absent))
    .map(({ title, samples, invalid, absent }) => {
      const runs = samples.length + invalid.length;
      return `${title}: ${invalid.length} of ${runs} runs invalid (${absent ?? invalid[0]})`;
    });
}

export function targetTable(results: readonly RowResult[]): Cells {
  return {
    head: ['what', 'next to', 'ratio of', 'target', 'measured', ''],
    lines: results.flatMap((result) =>
      (result.row.targets ?? []).map((target) => targetLine(result, target)),
    ),
  };
}

function targetLine(result: RowResult, { figure, against, atLeast, atMost }: Target): string[] {
  const ours = result.contestants[0]!;
  const theirs = contestantOf(result, against);
  const ratio = theirs && ratioOf(ours, theirs, figure);
  const isMet = ratio === undefined ? undefined : ratio >= (atLeast ?? 0) && ratio <= (atMost ?? Infinity);
  const mark = theirs !== undefined && figure === 'perSecond' && (isIdle(ours) || isIdle(theirs)) ? ' †' : '';
  return [
    result.row.title,
    theirs?.title ?? against,
    COLUMNS[figure].ratio ?? figure,
    atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`,
    ratio === undefined ? 'not measured' : `${ratioText(ratio)}${mark}`,
    isMet === undefined ? '–' : isMet ? 'met' : '**not met**',
  ];
}

export function figureText(contestant: ContestantResult, figure: Figure): string {
  const value = medianOf(contestant, figure);
  return value === undefined ? '' : COLUMNS[figure].text(value);
}

export function ratioText(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(value >= 10 ? 1 : 2);
}
