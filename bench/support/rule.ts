import { median } from '../../loadtest/support/median.ts';
import { spread } from './statistics.ts';

/** A benchmark as multiples of the reference loop. */
export interface Ratio {
  readonly median: number;
  /** Of the rounds, as a share of the median. */
  readonly spread: number;
}

/**
 * - `same`: the change is one that nobody would act on;
 * - `noise`: it is larger, but rounds of the same code lie as far apart;
 * - `missing`: the baseline has it, and the run has not;
 * - `new`: the run has it, and the baseline has not.
 */
export type Verdict = 'worsened' | 'improved' | 'same' | 'noise' | 'missing' | 'new';

export interface Judgement {
  readonly verdict: Verdict;
  /** Of the medians: 0.2 is a fifth slower. Undefined where there is only one. */
  readonly change?: number;
  /** The change that would have been one. */
  readonly limit?: number;
}

/** A smaller change is none: processes of the same code differ by as much, for they lie differently in memory. */
export const LEAST_CHANGE = 0.15;

/**
 * How many spreads apart two medians must lie. Rounds of one process are more alike than processes are, so the rounds
 * of three count as about three: their median is 0.7 spreads uncertain, and this is four times as much. With the
 * second measurement of what seems to have worsened, code that has not changed does not fail.
 */
const SPREADS = 3;

export function ratioOf(rounds: readonly number[]): Ratio {
  return { median: median(rounds), spread: spread(rounds) };
}

/** Compares one benchmark with the baseline; see `docs/performance/microbenchmarks.md`. */
export function judge(before: Ratio | undefined, now: Ratio | undefined): Judgement {
  if (before === undefined) return { verdict: 'new' };
  if (now === undefined) return { verdict: 'missing' };
  const change = now.median / before.median - 1;
  const limit = Math.max(LEAST_CHANGE, SPREADS * Math.hypot(before.spread, now.spread));
  return { verdict: verdictOf(change, limit), change, limit };
}

function verdictOf(change: number, limit: number): Verdict {
  // As factors, or twice as fast would be a smaller change than twice as slow.
  const size = change < 0 ? 1 / (1 + change) - 1 : change;
  if (size <= LEAST_CHANGE) return 'same';
  if (size <= limit) return 'noise';
  return change > 0 ? 'worsened' : 'improved';
}
