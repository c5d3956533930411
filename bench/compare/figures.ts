/** What the samples of a row say: medians of a contestant, and ratios of two of them in the same rounds. */
import { median } from '../../loadtest/support/median.ts';
import type { Sample } from './measure.ts';
import type { ContestantResult, RowResult } from './run-rows.ts';

export type Figure =
  | 'perSecond'
  | 'cpuUs'
  | 'busy'
  | 'bytesPerAnswer'
  | 'p50Us'
  | 'p99Us'
  | 'p999Us'
  | 'perRequest'
  | 'perKey'
  | 'instructions';

/** Samples of runs in which nothing went wrong. */
export function validOf({ samples }: ContestantResult): readonly Sample[] {
  return samples.filter(({ faults }) => faults.length === 0);
}

/** Undefined where no run was valid, or none has the figure. */
export function medianOf(contestant: ContestantResult, figure: Figure): number | undefined {
  const values = validOf(contestant)
    .map((sample) => valueIn(sample, figure))
    .filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

/**
 * The first as a multiple of the second: the median over the rounds in which both were valid of the rounds' own
 * ratios, for two runs beside one another meet the same machine, and two medians do not.
 */
export function ratioOf(of: ContestantResult, to: ContestantResult, figure: Figure): number | undefined {
  const others = new Map(validOf(to).map((sample) => [sample.round, valueIn(sample, figure)]));
  const ratios = validOf(of).flatMap((sample) => {
    const ours = valueIn(sample, figure);
    const theirs = others.get(sample.round);
    return ours === undefined || theirs === undefined || theirs === 0 ? [] : [ours / theirs];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

export function contestantOf(row: RowResult, name: string): ContestantResult | undefined {
  return row.contestants.find((contestant) => contestant.name === name);
}

/** Below this share of its core, the server waited for the generator. */
const SATURATED = 0.9;

/** Whether the rate that was measured is the generator's, or that of a machine with other things to do. */
export function isIdle(contestant: ContestantResult): boolean {
  return (medianOf(contestant, 'busy') ?? 1) < SATURATED;
}

function valueIn(sample: Sample, figure: Figure): number | undefined {
  switch (figure) {
    case 'p50Us':
    case 'p99Us':
    case 'p999Us':
      return sample.latency?.[figure];
    case 'perRequest':
    case 'perKey':
      return sample.allocated?.[figure];
    default:
      return sample[figure];
  }
}
