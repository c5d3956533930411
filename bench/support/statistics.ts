import { median } from '../../loadtest/support/median.ts';
import { percentiles } from './percentiles.ts';

/** The median distance from the median makes a standard deviation of normally spread values when multiplied by this. */
const MAD_TO_DEVIATION = 1.4826;

/** How far values lie apart, as a share of their median: a standard deviation that strays do not move. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  return (MAD_TO_DEVIATION * median(values.map((value) => Math.abs(value - middle)))) / middle;
}

export interface Summary {
  readonly median: number;
  readonly p99: number;
  /** Half the 95 % confidence interval of the mean, in percent of it. */
  readonly errorPercent: number;
  readonly samples: number;
}

/** 97.5 % of a normal distribution lie below this many standard deviations. */
const NORMAL_QUANTILE = 1.96;

export function summarize(samples: readonly number[]): Summary {
  const count = samples.length;
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / count;
  const squares = samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0);
  const error = NORMAL_QUANTILE * Math.sqrt(squares / (count - 1) / count);
  return {
    median: median(samples),
    p99: percentiles(samples, [99])[0]!,
    errorPercent: (100 * error) / mean,
    samples: count,
  };
}
