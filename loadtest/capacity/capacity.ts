/** Measures the capacity of one instance. */
import { cpuPerRequestUs } from '../report/regression.ts';
import type { Machine } from '../result.ts';
import type { Instance } from './instance.ts';
import type { MemoryMeasurement } from './memory.ts';
import type { Demand, Limits, Measured, Plan } from './plan.ts';
import { plan } from './plan.ts';
import type { Scenario } from './scenario.ts';
import { findKnee, type Knee, type Limit, type Outcome, type SearchOptions, type Step } from './search.ts';

/** Written as JSON, so that many plans can use one measurement. */
export interface Capacity {
  readonly format: 2;
  readonly startedAt: string;
  readonly machine: Machine;
  /** Duration of one step. */
  readonly seconds: number;
  readonly resolution: number;
  readonly memory: MemoryMeasurement;
  readonly scenarios: readonly ScenarioCapacity[];
}

export interface ScenarioCapacity {
  readonly name: string;
  readonly question: string;
  /**
   * CPU limit of the service, as a share of a core; 1 for no limit. Below 1 the generator can offer more than it
   * serves.
   */
  readonly serverShare: number;
  /** Requests/s with that share of a core. */
  readonly knee: {
    readonly median: number;
    readonly lowest: number;
    readonly highest: number;
    readonly limit: Limit;
  };
  readonly steps: readonly StepSummary[];
  /** At the highest rate that held; null if no rate held, or the CPU is unknown. */
  readonly cpuPerRequestUs: number | null;
  readonly redisCommandsPerRequest: number | null;
  readonly redisConnections: number;
  /** The largest resident memory of the service in any step; null if it is unknown. */
  readonly residentBytes: number | null;
}

/** A step, as the plot needs it. */
export interface StepSummary {
  readonly ratePerSecond: number;
  readonly repeat: number;
  readonly outcome: Outcome;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
}

/** CPU limits that are tried in turn, while the generator is slower than the server. */
const SHARES = [1, 0.5, 0.25];

/**
 * Finds the knee of a scenario on an instance, and the cost of a request there.
 * @param shares CPU limits, tried in turn while the generator ends the search
 */
export async function capacityOf(
  scenario: Scenario,
  instance: Pick<Instance, 'measure' | 'redisConnections' | 'redisCommandsPerRequest' | 'limitCpu'>,
  options: Omit<SearchOptions, 'startRate'>,
  shares: readonly number[] = SHARES,
): Promise<{ readonly capacity: ScenarioCapacity; readonly machine: Machine }> {
  const redisConnections = await instance.redisConnections();
  const { knee, serverShare } = await findServersKnee(scenario, instance, options, shares);
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
    serverShare,
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

async function findServersKnee(
  scenario: Scenario,
  instance: Pick<Instance, 'measure' | 'limitCpu'>,
  options: Omit<SearchOptions, 'startRate'>,
  shares: readonly number[],
): Promise<{ readonly knee: Knee; readonly serverShare: number }> {
  let found: { knee: Knee; serverShare: number } | undefined;
  for (const serverShare of shares) {
    if (serverShare < 1 && !instance.limitCpu(serverShare)) break;
    const startRate = scenario.startRate * serverShare;
    const knee = await findKnee(instance.measure, scenario, { ...options, startRate });
    found = { knee, serverShare };
    if (knee.limit !== 'generator') break;
  }
  if (found === undefined)
    throw new Error(
      'this system cannot limit the CPU of a process: --share needs root and Linux control groups',
    );
  return found;
}

/** The plan for a scenario; null if no rate held. */
export function planFor(
  scenario: ScenarioCapacity,
  memory: MemoryMeasurement,
  demand: Demand,
  limits: Limits,
): Plan | null {
  const { knee, serverShare } = scenario;
  if (knee.median === 0) return null;
  const measured: Measured = {
    kneePerSecond: knee.median / serverShare,
    kneeIsExtrapolated: serverShare < 1,
    kneeIsLowerBound: knee.limit !== 'server',
    cpuSecondsPerRequest: scenario.cpuPerRequestUs === null ? null : scenario.cpuPerRequestUs / 1e6,
    redisCommandsPerRequest: scenario.redisCommandsPerRequest,
    redisConnections: scenario.redisConnections,
    // The memory of the service under load, buffers and garbage included, instead of that of the bare L1.
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
