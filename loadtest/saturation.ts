import type { Generator } from './result.ts';

// From there on more load would make the generator slower, and what it measured would be partly itself.
const MOST_OF_A_CORE = 0.9;
const MOST_OF_THE_CEILING = 0.9;
// A fifth of the latency that warns.
const LATE_P99_US = 10_000;

/**
 * How hard the generator had to work, in parts of what it can bear: its core, its ceiling, and its punctuality. From
 * 1 on it was the limit.
 * @param ratePerSecond what it sent
 */
export function strain(
  { cpuShare, ceilingPerSecond, lateP99Us }: Omit<Generator, 'saturated'>,
  ratePerSecond: number,
): number {
  const ofCeiling = ceilingPerSecond === 0 ? 1 : ratePerSecond / ceilingPerSecond;
  return Math.max(cpuShare / MOST_OF_A_CORE, ofCeiling / MOST_OF_THE_CEILING, lateP99Us / LATE_P99_US);
}

export function isSaturated(generator: Omit<Generator, 'saturated'>, ratePerSecond: number): boolean {
  return strain(generator, ratePerSecond) >= 1;
}
