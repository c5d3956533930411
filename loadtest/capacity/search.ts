/**
 * Looks for the knee: the highest offered rate at which every gate holds. The rate is doubled until a step fails,
 * then halved in, on a logarithmic scale, until the two sides are as near as the resolution asks.
 */
import type { RunResult } from '../result.ts';
import { median } from '../support/median.ts';

/** Runs an open load at this rate (requests/s) for so many measured seconds. */
export type Measure<Scenario> = (
  scenario: Scenario,
  ratePerSecond: number,
  seconds: number,
) => Promise<RunResult>;

export interface SearchOptions {
  readonly startRate: number;
  /** Requests/s; the search gives up beyond. */
  readonly minRate: number;
  readonly maxRate: number;
  /** Of one step. */
  readonly seconds: number;
  /** How near the two sides come: 0.05 finds the knee to 5 %. See `finestResolution`. */
  readonly resolution: number;
  /** Searches of which the median is taken; one that the generator ends is the last. */
  readonly repeats: number;
  readonly onStep?: (step: Step) => void;
}

/**
 * What a step says. `generator`: the generator was the limit, so the step says nothing about the server and counts
 * as neither.
 */
export type Outcome = 'holds' | 'fails' | 'generator';

export interface Step {
  readonly ratePerSecond: number;
  /** Which of the searches it belongs to, from 0. */
  readonly repeat: number;
  readonly outcome: Outcome;
  readonly result: RunResult;
}

/**
 * What ended a search. `server`: a gate failed just above. `generator`: the generator could offer no more.
 * `range`: it held at `maxRate`, or failed at `minRate`.
 */
export type Limit = 'server' | 'generator' | 'range';

export interface Knee {
  /** Requests/s; of the repeats. 0 where not even `minRate` held. */
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** `server` only if every repeat says so: otherwise the median is a lower bound of the server's knee. */
  readonly limit: Limit;
  /** Every step of every repeat, in the order they ran. */
  readonly steps: readonly Step[];
}

/** Doubling from the lowest rate to the highest that one can name, and halving in to a thousandth, is less. */
const MOST_STEPS = 60;
const GROWTH = 2;
/** An answer rate this far under the offered one is a queue that grows, whatever the latency says by then. */
const KEPT_UP = 0.95;
/** Where a repeat begins, from the knee before it: near, and below. */
const BEGIN_AGAIN_AT = 0.7;

/**
 * The finest resolution that steps of this length can tell. A rate that is too high by a share s adds s x seconds
 * of waiting until the step ends; before it adds the 50 ms of the gate, nobody can see it.
 */
export function finestResolution(seconds: number): number {
  return 0.05 / seconds;
}

export async function findKnee<Scenario>(
  measure: Measure<Scenario>,
  scenario: Scenario,
  options: SearchOptions,
): Promise<Knee> {
  const steps: Step[] = [];
  const repeats: { rate: number; limit: Limit }[] = [];
  let startRate = options.startRate;
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    const found = await search(measure, scenario, { ...options, startRate }, repeat, steps);
    repeats.push(found);
    // The median is a lower bound already, and the next search would say the same.
    if (found.limit === 'generator') break;
    if (found.rate > 0) startRate = found.rate * BEGIN_AGAIN_AT;
  }
  const rates = repeats.map(({ rate }) => rate).sort((a, b) => a - b);
  const limits = repeats.map(({ limit }) => limit);
  return {
    median: rates.length === 0 ? 0 : median(rates),
    lowest: rates[0] ?? 0,
    highest: rates.at(-1) ?? 0,
    limit: limits.includes('generator') ? 'generator' : limits.includes('range') ? 'range' : 'server',
    steps,
  };
}

async function search<Scenario>(
  measure: Measure<Scenario>,
  scenario: Scenario,
  options: SearchOptions,
  repeat: number,
  steps: Step[],
): Promise<{ rate: number; limit: Limit }> {
  const { minRate, maxRate, resolution } = options;
  let holds = 0;
  let beyond = Number.POSITIVE_INFINITY;
  let limit: Limit = 'range';
  let rate = clamp(options.startRate, minRate, maxRate);
  for (let n = 0; n < MOST_STEPS; n++) {
    const outcome = await attempt(measure, scenario, rate, options, repeat, steps);
    if (outcome === 'holds') {
      holds = rate;
      if (rate >= maxRate) break;
    } else {
      beyond = rate;
      limit = outcome === 'generator' ? 'generator' : 'server';
      if (rate <= minRate) break;
    }
    if (beyond <= holds * (1 + resolution)) break;
    rate = clamp(next(holds, beyond), minRate, maxRate);
  }
  // Nothing held, down to the lowest rate: there is no knee to speak of.
  if (holds === 0) return { rate: 0, limit: limit === 'generator' ? 'generator' : 'range' };
  return { rate: holds, limit };
}

/** Between the two where both are known, else further out. */
function next(holds: number, beyond: number): number {
  if (holds === 0) return beyond / GROWTH;
  return beyond === Number.POSITIVE_INFINITY ? holds * GROWTH : Math.sqrt(holds * beyond);
}

/**
 * One rate. What fails is asked again, and a third time if the two differ: a hiccup of the machine would otherwise
 * end the search far below the knee, and nothing later would notice.
 */
async function attempt<Scenario>(
  measure: Measure<Scenario>,
  scenario: Scenario,
  ratePerSecond: number,
  { seconds, onStep }: SearchOptions,
  repeat: number,
  steps: Step[],
): Promise<Outcome> {
  const count = { holds: 0, fails: 0, generator: 0 };
  for (;;) {
    const result = await measure(scenario, ratePerSecond, seconds);
    const step: Step = { ratePerSecond, repeat, outcome: outcomeOf(result, ratePerSecond), result };
    steps.push(step);
    onStep?.(step);
    count[step.outcome]++;
    const bad = count.fails + count.generator;
    if (count.holds > bad) return 'holds';
    if (bad >= 2) return count.fails > count.generator ? 'fails' : 'generator';
    if (count.holds + bad >= 3) return 'fails';
  }
}

/** A warning is no hold: what is planned for must not page anybody. */
function outcomeOf(result: RunResult, ratePerSecond: number): Outcome {
  if (result.generator.saturated) return 'generator';
  const kept = result.throughputPerSecond >= KEPT_UP * ratePerSecond;
  return kept && result.verdict === 'pass' && result.gates.every(({ verdict }) => verdict === 'pass')
    ? 'holds'
    : 'fails';
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
