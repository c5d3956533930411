/** What was measured of one instance, and how it is asked of it. */
import { cpuPerRequestUs } from '../report/regression.ts';
import type { Machine } from '../result.ts';
import type { Instance } from './instance.ts';
import type { MemoryMeasurement } from './memory.ts';
import type { Demand, Limits, Measured, Plan } from './plan.ts';
import { plan } from './plan.ts';
import type { Scenario } from './scenario.ts';
import { findKnee, type Limit, type Outcome, type SearchOptions, type Step } from './search.ts';

/** Written as JSON, so that one measurement serves many plans. */
export interface Capacity {
  readonly format: 1;
  readonly startedAt: string;
  readonly machine: Machine;
  /** Of one step, in seconds. */
  readonly seconds: number;
  readonly resolution: number;
  readonly memory: MemoryMeasurement;
  readonly scenarios: readonly ScenarioCapacity[];
}

export interface ScenarioCapacity {
  readonly name: string;
  readonly question: string;
  /** Requests/s. */
  readonly knee: {
    readonly median: number;
    readonly lowest: number;
    readonly highest: number;
    readonly limit: Limit;
  };
  readonly steps: readonly StepFigures[];
  /** At the highest rate that held; null where none did, or it cannot be known. */
  readonly cpuPerRequestUs: number | null;
  readonly redisCommandsPerRequest: number | null;
  readonly redisConnections: number;
  /** The most that the service had resident in any step, in bytes; null where it cannot be known. */
  readonly residentBytes: number | null;
}

/** A step as the plot needs it. */
export interface StepFigures {
  readonly ratePerSecond: number;
  readonly repeat: number;
  readonly outcome: Outcome;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
}

/** Finds a scenario's knee on an instance, and what a request costs there. */
export async function capacityOf(
  scenario: Scenario,
  instance: Instance,
  options: Omit<SearchOptions, 'startRate'>,
): Promise<{ readonly capacity: ScenarioCapacity; readonly machine: Machine }> {
  const redisConnections = await instance.redisConnections();
  const knee = await findKnee(instance.measure, scenario, { ...options, startRate: scenario.startRate });
  const best = highestThatHeld(knee.steps);
  const resident = knee.steps.flatMap(({ result }) =>
    result.series.flatMap(({ serverRssBytes }) => (serverRssBytes === null ? [] : [serverRssBytes])),
  );
  const cpu = best === undefined ? Number.NaN : cpuPerRequestUs(best.result);
  const { name, question } = scenario;
  const { median, lowest, highest, limit } = knee;
  const capacity: ScenarioCapacity = {
    name,
    question,
    knee: { median, lowest, highest, limit },
    steps: knee.steps.map(({ ratePerSecond, repeat, outcome, result: { latency } }) => ({
      ratePerSecond,
      repeat,
      outcome,
      p50Us: latency.p50Us,
      p95Us: latency.p95Us,
      p99Us: latency.p99Us,
    })),
    cpuPerRequestUs: Number.isNaN(cpu) ? null : cpu,
    redisCommandsPerRequest: best === undefined ? null : instance.redisCommandsPerRequest(best.result),
    redisConnections,
    residentBytes: resident.length === 0 ? null : Math.max(...resident),
  };
  return { capacity, machine: knee.steps[0]!.result.machine };
}

/** The plan for a scenario; null where no rate held, so that there is nothing to plan with. */
export function planFor(
  scenario: ScenarioCapacity,
  memory: MemoryMeasurement,
  demand: Demand,
  limits: Limits,
): Plan | null {
  const { knee } = scenario;
  if (knee.median === 0) return null;
  const measured: Measured = {
    kneePerSecond: knee.median,
    kneeIsLowerBound: knee.limit !== 'server',
    cpuSecondsPerRequest: scenario.cpuPerRequestUs === null ? null : scenario.cpuPerRequestUs / 1e6,
    redisCommandsPerRequest: scenario.redisCommandsPerRequest,
    redisConnections: scenario.redisConnections,
    // Of the service under load, its buffers and its garbage included, and not of the bare L1.
    memory: { ...memory, emptyBytes: scenario.residentBytes ?? memory.emptyBytes },
  };
  return plan(demand, limits, measured);
}

function highestThatHeld(steps: readonly Step[]): Step | undefined {
  const held = steps.filter(({ outcome }) => outcome === 'holds');
  return held.reduce<Step | undefined>(
    (best, step) => (best === undefined || step.ratePerSecond > best.ratePerSecond ? step : best),
    undefined,
  );
}
