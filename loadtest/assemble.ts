import { type GateName, judge, verdictOf } from './gates.ts';
import type { Generated } from './generator/job.ts';
import type { RunResult } from './result.ts';
import { isSaturated } from './saturation.ts';
import { type ServerSecond, UNKNOWN } from './target/sampler.ts';

/** What is measured, when and where. */
type About = Pick<RunResult, 'profile' | 'question' | 'startedAt' | 'seed' | 'machine' | 'load'>;

/** What the harness observed besides the results of the generator. */
interface Seen {
  readonly ceilingPerSecond: number;
  readonly server: readonly ServerSecond[];
  /** Reads in Redis for each request sent; null if they were not counted. */
  readonly redisReadShare: number | null;
}

/** The result of a run, with its verdict. */
export function assemble(
  about: About,
  { requests, throughputPerSecond, latency, seconds, cpuShare, lateP99Us }: Generated,
  { ceilingPerSecond, server, redisReadShare }: Seen,
  gateNames: readonly GateName[],
): RunResult {
  const ratePerSecond = about.load.ratePerSecond ?? throughputPerSecond;
  const unmarked = { ceilingPerSecond, cpuShare, lateP99Us };
  const generator = { ...unmarked, saturated: isSaturated(unmarked, ratePerSecond) };
  const series = seconds.map((second, i) => ({ ...second, ...(server[i] ?? UNKNOWN) }));
  const gates = judge(gateNames, { requests, latency, generator, ratePerSecond, series, redisReadShare });
  return {
    format: 1,
    ...about,
    generator,
    requests,
    throughputPerSecond,
    latency,
    series,
    gates,
    verdict: verdictOf(gates),
  };
}
