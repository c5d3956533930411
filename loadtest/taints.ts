/** What makes the figures of a run doubtful. */
import { count, percent } from '../src/format.ts';
import { duration } from './report/format.ts';
import type { Generator } from './result.ts';
import { wasDelayed } from './saturation.ts';

/** From this share of a core on, other programs cause tail latencies of milliseconds. */
export const DISTURBED = 0.2;
/** A tenth of the latency at which the gate warns. Above 10 ms the generator counts as saturated. */
const LATE_P99_US = 5_000;

/**
 * The reasons; empty for a run without doubts.
 * @param ratePerSecond the rate that the generator sent
 */
export function taintsOf(generator: Generator, ratePerSecond: number): string[] {
  const { ceilingPerSecond, cpuShare, lateP99Us, saturated, otherProgramsShare } = generator;
  const taints: string[] = [];
  if (saturated && wasDelayed(generator, ratePerSecond))
    taints.push(
      `The machine delayed the generator, which sent ${duration(lateP99Us)} late (p99) although it was below its ` +
        `limits: ${count(ratePerSecond)}/s of ${count(ceilingPerSecond)}/s, and ${percent(cpuShare)} of a core. ` +
        'The latencies include this delay; hits and misses do not depend on it.',
    );
  else if (saturated)
    taints.push(
      `The generator was the limit, not the server: its ceiling is ${count(ceilingPerSecond)}/s, it used ` +
        `${percent(cpuShare)} of a core and sent ${duration(lateP99Us)} late (p99). ` +
        'This run says nothing about the limits of the server.',
    );
  else if (lateP99Us >= LATE_P99_US)
    taints.push(`The generator sent ${duration(lateP99Us)} late (p99). The latencies include this delay.`);
  if (isDisturbed(generator))
    taints.push(
      `Other programs used ${percent(otherProgramsShare!)} of a measured core. They may have caused tail latency.`,
    );
  return taints;
}

export function isDisturbed({ otherProgramsShare }: Generator): boolean {
  return otherProgramsShare !== null && otherProgramsShare >= DISTURBED;
}
