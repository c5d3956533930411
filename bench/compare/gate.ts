/** The short comparison that must hold before a change lands: whether a hit still costs about what it must. */
import { contestantOf, ratioOf, validOf } from './figures.ts';
import type { ContestantResult, Effort, RowResult } from './run-rows.ts';

/**
 * Few short runs, of which the best of each counts: what else the machine has to do makes a run worse and never
 * better, while code that has become slower is so in its best run too.
 */
export const GATE_EFFORT: Effort = { rounds: 5, seconds: 1 };

/**
 * For what failed. A machine with neighbours has seconds in which it is half as fast again as in others, and of few runs
 * those of one server may have met none of them.
 */
export const GATE_LONGER: Effort = { rounds: 20, seconds: 1 };

/**
 * Far enough from the targets, which are 0.9 and 1.1, that noise does not fail them, and near enough that a mistake
 * does: one clock reading or prom-client call a request costs 1.2 to 1.9 times the CPU of 16 deep.
 */
export const LEAST_RATE = 0.75;
/** CPU time is steadier than rates, but is told in hundredths of a second: up to 2.5 % of such a run, on either side. */
export const MOST_CPU = 1.3;

/**
 * Of the instructions of bare uWS; 0.88 to 1.05 are measured. They depend less on the machine than times do, but each
 * entry's header lines are made once a second, and a slow second has fewer requests that share them.
 */
export const MOST_INSTRUCTIONS = 1.15;

/** What is wrong with this row; nothing where it passes. */
export function breaches(row: RowResult): string[] {
  const ours = contestantOf(row, 'ratecache');
  const bare = contestantOf(row, 'bare-uws');
  const absent = [ours, bare].find((each) => each?.absent !== undefined)?.absent;
  if (ours === undefined || bare === undefined || absent !== undefined)
    return [`${row.name}: ${absent ?? 'not measured'}`];
  if (validOf(ours).length === 0 || validOf(bare).length === 0) return [`${row.name}: no valid run`];
  if (row.columns === 'instructions') return tooMany(row, ours, bare);
  const [us, them] = [bestOf(ours), bestOf(bare)];
  const rate = us.perSecond / them.perSecond;
  const cpu = us.cpuUs / them.cpuUs;
  const found: string[] = [];
  if (rate < LEAST_RATE)
    found.push(`${row.name}: ${rate.toFixed(2)} of the rate of bare uWS, less than ${LEAST_RATE}`);
  if (cpu > MOST_CPU) found.push(`${row.name}: ${cpu.toFixed(2)} times its CPU, more than ${MOST_CPU}`);
  return found;
}

function tooMany({ name }: RowResult, ours: ContestantResult, bare: ContestantResult): string[] {
  const ratio = ratioOf(ours, bare, 'instructions') ?? Number.POSITIVE_INFINITY;
  if (ratio <= MOST_INSTRUCTIONS) return [];
  return [`${name}: ${ratio.toFixed(2)} times those of bare uWS, more than ${MOST_INSTRUCTIONS}`];
}

function bestOf(contestant: ContestantResult): { readonly perSecond: number; readonly cpuUs: number } {
  const samples = validOf(contestant);
  return {
    perSecond: Math.max(...samples.map(({ perSecond }) => perSecond)),
    cpuUs: Math.min(...samples.map(({ cpuUs }) => cpuUs)),
  };
}
