import type { Measure } from '../../../loadtest/capacity/search.ts';
import { verdictOf } from '../../../loadtest/gates.ts';
import type { RunResult } from '../../../loadtest/result.ts';
import { random } from '../report/random.ts';
import { latencyGate, synthetic } from '../report/synthetic.ts';

export type SimulatedOptions = {
  /** Rate of the server, in requests/s. */
  serviceRate: number;
  /** Highest rate of the generator, in requests/s. */
  ceiling?: number;
  /** Standard deviation of the logarithm of each latency. */
  noise?: number;
  /** Probability that another program disturbs a step. */
  hiccups?: number;
  seed?: number;
};

/**
 * A server with one queue (M/M/1): the time in it is exponential with mean 1 / (serviceRate - rate), so its p99 is ln(100)
 * times that. At a higher rate the queue grows until the step ends.
 */
export function simulated(options: SimulatedOptions): Measure<string> & { calls: number } {
  const { serviceRate, ceiling = Number.POSITIVE_INFINITY, noise = 0, hiccups = 0, seed = 1 } = options;
  const { uniform, normal } = random(seed);
  const blank = synthetic({ seconds: 2 });
  const measure = async (scenario: string, offered: number, seconds: number): Promise<RunResult> => {
    measure.calls++;
    const rate = Math.min(offered, ceiling);
    const spare = serviceRate - rate;
    const queueSeconds =
      spare > 0 ? Math.min(Math.log(100) / spare, seconds) : 1 + (-spare / serviceRate) * seconds;
    const spoiled = uniform() < hiccups ? 5 : 1;
    const p99Ms = 1_000 * queueSeconds * Math.exp(noise * normal()) * spoiled;
    const gates = [latencyGate('latency p99', p99Ms)];
    return {
      ...blank,
      profile: scenario,
      load: { ...blank.load, ratePerSecond: offered, seconds },
      generator: { ...blank.generator, saturated: offered > ceiling },
      throughputPerSecond: Math.min(rate, serviceRate),
      latency: { ...blank.latency, p99Us: p99Ms * 1_000 },
      gates,
      verdict: verdictOf(gates),
    };
  };
  measure.calls = 0;
  return measure;
}

/** The rate at which the p99 of that server reaches 50 ms, in requests/s. */
export function kneeOf(serviceRate: number): number {
  return serviceRate - Math.log(100) / 0.05;
}
