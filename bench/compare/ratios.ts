/** What the samples of a row amount to: medians of a contestant, and ratios of two contestants in the same rounds. */
import { median } from '../../loadtest/support/median.ts';
import type { Figure } from './figure.ts';
import type { ContestantResult, RowResult } from './run-rows.ts';

/** Undefined where no run was valid, or none has the figure. */
export function medianOf({ samples }: ContestantResult, figure: Figure): number | undefined {
  const values = samples.map(({ figures }) => figures[figure]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

/**
 * The first as a multiple of the second: the median of the ratios within a round. Two runs next to each other meet the
 * same machine, and two medians do not.
 */
export function ratioOf(of: ContestantResult, to: ContestantResult, figure: Figure): number | undefined {
  const others = new Map(to.samples.map(({ round, figures }) => [round, figures[figure]]));
  const ratios = of.samples.flatMap(({ round, figures }) => {
    const ours = figures[figure];
    const theirs = others.get(round);
    return ours === undefined || !theirs ? [] : [ours / theirs];
  });
  return ratios.length === 0 ? undefined : median(ratios);
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
