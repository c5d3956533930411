/** The short comparison that must hold before a change lands: whether a hit still costs about what bare uWS costs. */

import type { Figure } from './figure.ts';
import { contestantOf } from './ratios.ts';
import type { InstructionLimit } from './row.ts';
import type { ContestantResult, Effort, RowResult } from './run-rows.ts';

export interface GateEffort extends Effort {
  /** Rounds of a row of instructions. */
  readonly counts: number;
}

/**
 * Few short runs. The best run of each server counts: other work on the machine makes a run worse and never better,
 * while code that has become slower is slower in its best run too.
 */
export const GATE_EFFORT: GateEffort = { rounds: 5, seconds: 1, counts: 1 };

/** For what failed: a busy machine has seconds in which it is half as fast as in others. */
export const GATE_LONGER: GateEffort = { rounds: 20, seconds: 1, counts: 3 };

/**
 * Far enough from the targets, 0.9 and 1.1, that noise does not fail them, and near enough that a mistake does: reading
 * the clock or calling prom-client for each request costs 1.2 to 1.9 times the CPU of a hit 16 deep.
 */
export const LEAST_RATE = 0.75;
/** The kernel counts CPU time in hundredths of a second: up to 2.5 % of such a run, on either side. */
export const MOST_CPU = 1.3;

/** What is wrong with this row; nothing where it passes. */
export function breaches(result: RowResult): string[] {
  return result.row.limit === undefined
    ? timeBreaches(result)
    : instructionBreaches(result, result.row.limit);
}

/** A row of times, next to bare uWS. */
function timeBreaches(result: RowResult): string[] {
  const { name } = result.row;
  const [ours, bare] = ['ratecache', 'bare-uws'].map((each) => contestantOf(result, each));
  if (!ours?.samples.length || !bare?.samples.length) return [notMeasured(name, ours, bare)];
  const best = ({ samples }: ContestantResult, figure: Figure, of: typeof Math.max) =>
    of(...samples.map(({ figures: { [figure]: value } }) => value!));
  const rate = best(ours, 'perSecond', Math.max) / best(bare, 'perSecond', Math.max);
  const cpu = best(ours, 'cpuUs', Math.min) / best(bare, 'cpuUs', Math.min);
  return [
    ...(rate >= LEAST_RATE ? [] : [breach(name, 'rate', rate, `less than ${LEAST_RATE}`)]),
    ...(cpu <= MOST_CPU ? [] : [breach(name, 'CPU time', cpu, `more than ${MOST_CPU}`)]),
  ];
}

/** A row of instructions. */
function instructionBreaches(result: RowResult, { atMost, against }: InstructionLimit): string[] {
  const { name } = result.row;
  const ours = result.contestants[0];
  const other = against === undefined ? undefined : contestantOf(result, against);
  const count = fewest(ours);
  const unit = against === undefined ? 1 : fewest(other);
  if (!count || !unit) return [notMeasured(name, ours, other)];
  if (count / unit <= atMost) return [];
  return against === undefined
    ? [`${name}: ${Math.round(count)} instructions, more than ${atMost}`]
    : [breach(name, 'instructions', count / unit, `more than ${atMost}`)];
}

/** Of several counts: what else the machine does only adds to one. */
function fewest(contestant: ContestantResult | undefined): number | undefined {
  const counts = contestant?.samples.flatMap(({ figures }) => figures.instructions ?? []) ?? [];
  return counts.length === 0 ? undefined : Math.min(...counts);
}

function notMeasured(row: string, ...contestants: readonly (ContestantResult | undefined)[]): string {
  const reasons = contestants.flatMap((each) => [each?.absent, each?.invalid[0]]);
  return `${row}: no valid run (${reasons.find(Boolean) ?? 'not measured'})`;
}

function breach(row: string, what: string, ratio: number, limit: string): string {
  return `${row}: ${what} ${ratio.toFixed(2)} times that of bare uWS, ${limit}`;
}
