/** Figures of a row: medians of a contestant, and ratios of the medians of two contestants. */
import { median } from '../../loadtest/support/median.ts';
import type { Figure } from './figure.ts';
import type { ContestantResult, RowResult } from './run-rows.ts';

/** Undefined where no run was valid, or none has the figure. */
export function medianOf({ samples }: ContestantResult, figure: Figure): number | undefined {
  const values = samples.map(({ figures }) => figures[figure]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

/** The first as a multiple of the second: the ratio of their medians, so that a reader can compute it from the table. */
export function ratioOf(of: ContestantResult, to: ContestantResult, figure: Figure): number | undefined {
  const ours = medianOf(of, figure);
  const theirs = medianOf(to, figure);
  return ours === undefined || !theirs ? undefined : ours / theirs;
}

export function contestantOf({ contestants }: RowResult, name: string): ContestantResult | undefined {
  return contestants.find((contestant) => contestant.name === name);
}

/** Below this share of its core, the server waited for the generator. */
const SATURATED = 0.9;

/** Whether the generator determined the measured rate, or a machine that had other work to do. */
export function isIdle(contestant: ContestantResult): boolean {
  return (medianOf(contestant, 'core') ?? 1) < SATURATED;
}
