import { type GateLimits, type GateName, judge, verdictOf } from './gates.ts';
import type { Generated } from './generator/job.ts';
import type { FaultSeen, RunResult } from './result.ts';
import { isSaturated, peakOf } from './saturation.ts';
import { taintsOf } from './taints.ts';
import { type ServerSecond, UNKNOWN } from './target/sampler.ts';

/** What is measured, when and where. */
type About = Pick<
  RunResult,
  | 'profile'
  | 'question'
  | 'startedAt'
  | 'seed'
  | 'build'
  | 'target'
  | 'service'
  | 'machine'
  | 'load'
  | 'requestsDigest'
>;

/** What the harness observed besides the results of the generator. */
interface Seen {
  readonly ceilingPerSecond: number;
  readonly otherProgramsShare: number | null;
  readonly faults?: readonly FaultSeen[];
  readonly server: readonly ServerSecond[];
  /** Reads in Redis for each request sent; null if they were not counted. */
  readonly redisReadShare: number | null;
}

/** The result of a run, with its verdict. */
export function assemble(
  about: About,
  { requests, throughputPerSecond, latency, seconds, cpuShare, lateP99Us }: Generated,
  { ceilingPerSecond, otherProgramsShare, faults = [], server, redisReadShare }: Seen,
  gateNames: readonly GateName[],
  limits: GateLimits = {},
): RunResult {
  const ratePerSecond = peakOf(about.load) ?? throughputPerSecond;
  const unmarked = { ceilingPerSecond, cpuShare, lateP99Us, otherProgramsShare };
  const generator = { ...unmarked, saturated: isSaturated(unmarked, ratePerSecond) };
  const series = seconds.map((second, i) => ({ ...second, ...(server[i] ?? UNKNOWN) }));
  const facts = { requests, latency, generator, ratePerSecond, series, faults, redisReadShare };
  const gates = judge(gateNames, facts, limits);
  return {
    format: 2,
    ...about,
    generator,
    taints: taintsOf(generator, ratePerSecond),
    faults,
    requests,
    throughputPerSecond,
    latency,
    series,
    gates,
    verdict: verdictOf(gates),
  };
}
