import type { Generator, Load } from './result.ts';

type Effort = Pick<Generator, 'cpuShare' | 'ceilingPerSecond' | 'lateP99Us'>;

// Above these shares the generator slows down, and a part of the latency is its own.
const MOST_OF_A_CORE = 0.9;
const MOST_OF_THE_CEILING = 0.9;
// A fifth of the latency at which the gate warns.
const LATE_P99_US = 10_000;

/**
 * The load of the generator relative to its limits: its core, its ceiling, and its lateness. From 1 on the generator
 * was the limit.
 * @param ratePerSecond the rate that it sent
 */
export function strain({ cpuShare, ceilingPerSecond, lateP99Us }: Effort, ratePerSecond: number): number {
  const ofCeiling = ceilingPerSecond === 0 ? 1 : ratePerSecond / ceilingPerSecond;
  return Math.max(cpuShare / MOST_OF_A_CORE, ofCeiling / MOST_OF_THE_CEILING, lateP99Us / LATE_P99_US);
}

export function isSaturated(generator: Effort, ratePerSecond: number): boolean {
  return strain(generator, ratePerSecond) >= 1;
}

/**
 * Whether a saturated generator was late below the limits of its core and its ceiling: the machine delayed it. Its
 * latencies prove nothing, but the service received the offered load, so its answers do.
 */
export function wasDelayed(generator: Effort, ratePerSecond: number): boolean {
  return isSaturated(generator, ratePerSecond) && !isSaturated({ ...generator, lateP99Us: 0 }, ratePerSecond);
}

/** The highest offered rate; null for a closed load. */
export function peakOf({ ratePerSecond, stages }: Load): number | null {
  return stages === undefined ? ratePerSecond : Math.max(...stages.flatMap(({ from, to }) => [from, to]));
}
