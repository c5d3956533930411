import type { Generator } from './result.ts';

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
