/**
 * Searches the knee: the highest offered rate at which every gate holds. It doubles the rate until a step fails. Then
 * it halves the interval on a logarithmic scale until both sides are within the resolution.
 */
import type { RunResult } from '../result.ts';
import { median } from '../support/median.ts';

/** Runs an open load at this rate (requests/s) and measures it for this time. */
export type Measure<Scenario> = (
  scenario: Scenario,
  ratePerSecond: number,
  seconds: number,
) => Promise<RunResult>;

export interface SearchOptions {
  readonly startRate: number;
  /** The search stays between these rates, in requests/s. */
  readonly minRate: number;
  readonly maxRate: number;
  /** Duration of one step. */
  readonly seconds: number;
  /** 0.05 finds the knee to 5 %. See `finestResolution`. */
  readonly resolution: number;
  /** Number of searches; the result is their median. A search that the generator ends is the last. */
  readonly repeats: number;
  readonly onStep?: (step: Step) => void;
}

/** The outcome of a step. `generator`: the generator was the limit, so the step says nothing about the server. */
export type Outcome = 'holds' | 'fails' | 'generator';

export interface Step {
  readonly ratePerSecond: number;
  /** The number of its search, from 0. */
  readonly repeat: number;
  readonly outcome: Outcome;
  readonly result: RunResult;
}

/**
 * What ended a search. `server`: a gate failed above the knee. `generator`: the generator could not offer more.
 * `range`: the load held at `maxRate`, or failed at `minRate`.
 */
export type Limit = 'server' | 'generator' | 'range';

export interface Knee {
  /** Requests/s, the median of the repeats; 0 if even `minRate` failed. */
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** `server` only if the server ended every repeat. Otherwise the median is a lower bound of the server's knee. */
  readonly limit: Limit;
  /** Every step of every repeat, in the order they ran. */
  readonly steps: readonly Step[];
}

/** More steps than doubling over the whole range and halving to a thousandth need. */
const MOST_STEPS = 60;
const GROWTH = 2;
/** Below this share of the offered rate a queue grows, whatever the latency still shows. */
const KEPT_UP = 0.95;
/** A repeat starts at this share of the previous knee. */
const BEGIN_AGAIN_AT = 0.7;

/**
 * The finest resolution of steps of this duration. A rate that is too high by a share s adds s x seconds of waiting
 * until the step ends. The gate detects it only from 50 ms on.
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
    // The result is a lower bound already, and another search would find the same.
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
  // Even the lowest rate failed, so no knee exists.
  if (holds === 0) return { rate: 0, limit: limit === 'generator' ? 'generator' : 'range' };
  return { rate: holds, limit };
}

/** Between both sides if both are known, else twice or half the rate. */
function next(holds: number, beyond: number): number {
  if (holds === 0) return beyond / GROWTH;
  return beyond === Number.POSITIVE_INFINITY ? holds * GROWTH : Math.sqrt(holds * beyond);
}

/**
 * Runs a step at one rate. It repeats a failed step, and runs it a third time if the two results differ. Otherwise one
 * disturbance of the machine would end the search far below the knee.
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

/** A warning counts as a failure: a plan must not cause alerts. */
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
