/** The table of one language: each way to read is a line. */
import { count, significant } from '../../src/format.ts';
import type { Figure } from '../compare/figure.ts';
import { contestantOf, medianOf, ratioOf } from '../compare/ratios.ts';
import type { ContestantResult, RowResult } from '../compare/run-rows.ts';
import { notesOf, ratioText } from '../compare/tables.ts';
import type { Section } from '../support/report.ts';
import { type Language, MANY_READS } from './rows.ts';

const FIGURES: readonly (readonly [Figure, string, (value: number) => string])[] = [
  ['perSecond', 'reads/s', count],
  ['cpuUs', 'client CPU µs', significant],
  ['p50Us', 'p50 µs', significant],
];

export function languageSection(
  { title, about, comparedWith }: Pick<Language, 'title' | 'about' | 'comparedWith'>,
  one: RowResult,
  many: RowResult,
): Section {
  const reference = contestantOf(one, one.row.reference)!;
  const columns = [1, MANY_READS].flatMap((atATime) => FIGURES.map(([, head]) => `${head}, ${atATime}`));
  return {
    title,
    text: about,
    table: {
      head: ['way', ...columns, `CPU, 1: ${comparedWith} : this`],
      lines: one.contestants.map((way) => [
        way.title,
        ...figuresOf(way),
        ...figuresOf(contestantOf(many, way.name)),
        ratioText(ratioOf(reference, way, 'cpuUs')),
      ]),
    },
    notes: [...notesOf(one), ...notesOf(many)],
  };
}

function figuresOf(way: ContestantResult | undefined): string[] {
  const why = way?.samples.length === 0 ? (way.absent ?? way.invalid[0]) : undefined;
  if (why !== undefined) return [why, '', ''];
  return FIGURES.map(([figure, , text]) => {
    const value = way && medianOf(way, figure);
    return value === undefined ? '' : text(value);
  });
}
