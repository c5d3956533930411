/** Decides whether a difference between two runs of a profile is real, or noise of the machine. */
import type { RunResult, Second, Verdict } from '../result.ts';
import { peakOf, wasDelayed } from '../saturation.ts';
import { isDisturbed } from '../taints.ts';
import { errorShare, hitShare } from './format.ts';

/**
 * The rule, as it is printed. On one machine throughput and tail latencies vary by 20 to 30 % between rounds, so a
 * smaller difference proves nothing, whatever the number of samples. CPU per request varies by about half of that.
 */
export const RULE =
  'A figure is marked if it changed by more than its floor (throughput and latency 30 %, CPU per request 15 %) and by ' +
  'more than three standard errors of the per-second values of both runs. A latency must also change by 0.5 ms. Errors ' +
  'count from 0.5 points, hits from 2 points, a worse verdict always. Throughput and latency are not judged if other ' +
  'programs used a measured core; nor are they and the verdict if the machine delayed the generator. Runs with ' +
  'different loads or machines, and runs in which the generator was the limit, are shown but not judged.';

const FLOOR = { throughput: 0.3, latency: 0.3, cpu: 0.15 } as const;
/** A smaller change of a latency does not matter, even if its ratio is large. */
const LATENCY_FLOOR_US = 500;
const STANDARD_ERRORS = 3;
const ERROR_POINTS = 0.005;
const HIT_POINTS = 0.02;

const DELAY = 'throughput, latency and the verdict, because the machine delayed the generator';
const DISTURBANCE = 'throughput and latency, because other programs used a measured core';

export type Kind = 'rate' | 'duration' | 'cpu' | 'share';
export type Judgement = 'regression' | 'improvement' | 'same' | 'not judged';

export interface Difference {
  readonly metric: string;
  readonly kind: Kind;
  /** Requests/s, microseconds, or a share of 1; NaN if it was not measured. */
  readonly before: number;
  readonly after: number;
  /** `after / before - 1`; for shares `after - before`. */
  readonly change: number;
  readonly judgement: Judgement;
}

export interface Comparison {
  readonly profile: string;
  readonly verdicts: readonly [before: Verdict, after: Verdict];
  /** Why the figures, or some of them, are not judged; null if all are. */
  readonly incomparable: string | null;
  readonly differences: readonly Difference[];
  readonly regressed: boolean;
}

/** Compares the profiles that both have, in the order of `after`. */
export function compareResults(before: readonly RunResult[], after: readonly RunResult[]): Comparison[] {
  return after.flatMap((now) => {
    const then = before.find(({ profile }) => profile === now.profile);
    return then === undefined ? [] : [compareRuns(then, now)];
  });
}

export function compareRuns(before: RunResult, after: RunResult): Comparison {
  const incomparable = incomparableBecause(before, after);
  const judged = differencesOf(before, after);
  // Other programs change times, but hardly the CPU for a request, and no answers.
  const delayed = [before, after].some(isDelayed);
  const disturbed = delayed || [before, after].some(({ generator }) => isDisturbed(generator));
  const isJudged = ({ kind }: Difference) =>
    incomparable === null && !(disturbed && (kind === 'rate' || kind === 'duration'));
  const differences = judged.map((difference) =>
    isJudged(difference) ? difference : { ...difference, judgement: 'not judged' as const },
  );
  const rank: readonly Verdict[] = ['pass', 'warn', 'fail'];
  const verdictWorse = rank.indexOf(after.verdict) > rank.indexOf(before.verdict);
  return {
    profile: after.profile,
    verdicts: [before.verdict, after.verdict],
    incomparable: incomparable ?? (delayed ? DELAY : disturbed ? DISTURBANCE : null),
    differences,
    regressed:
      differences.some(({ judgement }) => judgement === 'regression') ||
      (incomparable === null && !delayed && verdictWorse),
  };
}

function differencesOf(before: RunResult, after: RunResult): Difference[] {
  const both = [before, after] as const;
  const relative = (
    metric: string,
    kind: Kind,
    of: (run: RunResult) => number,
    each: (second: Second) => number | null,
    good: 'higher' | 'lower',
    floor: number,
    absolute = 0,
  ): Difference => {
    const [was, is] = [of(before), of(after)];
    const change = is / was - 1;
    const worse = good === 'lower' ? is - was : was - is;
    const limit = Math.max(
      floor,
      STANDARD_ERRORS * Math.hypot(...both.map((run) => relativeError(run, each))),
    );
    // A halved rate counts like a doubled latency, so the larger of both ratios is used.
    const size = Math.max(is / was, was / is) - 1;
    const judgement = !Number.isFinite(size)
      ? 'not judged'
      : size <= limit || Math.abs(worse) <= absolute
        ? 'same'
        : sign(worse);
    return { metric, kind, before: was, after: is, change, judgement };
  };
  const points = (
    metric: string,
    of: (run: RunResult) => number,
    good: 'higher' | 'lower',
    floor: number,
  ): Difference => {
    const [was, is] = [of(before), of(after)];
    const worse = good === 'lower' ? is - was : was - is;
    const judgement = Number.isNaN(worse) ? 'not judged' : Math.abs(worse) <= floor ? 'same' : sign(worse);
    return { metric, kind: 'share', before: was, after: is, change: is - was, judgement };
  };
  const latency = (metric: string, of: (run: RunResult) => number, each: (second: Second) => number) =>
    relative(metric, 'duration', of, each, 'lower', FLOOR.latency, LATENCY_FLOOR_US);

  return [
    relative(
      'answers/s',
      'rate',
      (run) => run.throughputPerSecond,
      ({ completed }) => completed,
      'higher',
      FLOOR.throughput,
    ),
    latency(
      'p50',
      (run) => run.latency.p50Us,
      ({ p50Us }) => p50Us,
    ),
    latency(
      'p95',
      (run) => run.latency.p95Us,
      ({ p99Us }) => p99Us,
    ),
    latency(
      'p99',
      (run) => run.latency.p99Us,
      ({ p99Us }) => p99Us,
    ),
    relative('CPU/request', 'cpu', cpuPerRequestUs, cpuOfSecond, 'lower', FLOOR.cpu),
    points('errors', errorShare, 'lower', ERROR_POINTS),
    points('hits', hitShare, 'higher', HIT_POINTS),
  ];
}

function sign(worse: number): Judgement {
  return worse > 0 ? 'regression' : 'improvement';
}

function incomparableBecause(before: RunResult, after: RunResult): string | null {
  if ([before, after].some((run) => run.generator.saturated && !isDelayed(run)))
    return 'the generator was the limit';
  const load = ({ load: { kind, connections, ratePerSecond } }: RunResult) =>
    `${kind}, ${connections} connections, ${ratePerSecond ?? 'no'} rate`;
  if (load(before) !== load(after)) return `different loads: ${load(before)}; ${load(after)}`;
  if (JSON.stringify(before.load.stages) !== JSON.stringify(after.load.stages))
    return 'different loads: the rate over time differs';
  // Results of earlier versions have no digest.
  const digests = new Set([before, after].flatMap(({ requestsDigest }) => requestsDigest ?? []));
  if (digests.size > 1) return 'different loads: the requests or their keys differ';
  const machine = ({ machine: { cpu, cores } }: RunResult) => `${cores} x ${cpu}`;
  if (machine(before) !== machine(after)) return `different machines: ${machine(before)}; ${machine(after)}`;
  return null;
}

function isDelayed({ generator, load, throughputPerSecond }: RunResult): boolean {
  return wasDelayed(generator, peakOf(load) ?? throughputPerSecond);
}

/** CPU of the server for one answer, in microseconds; NaN if its CPU is unknown. */
export function cpuPerRequestUs({ series }: Pick<RunResult, 'series'>): number {
  const known = series.filter(({ serverCpuShare }) => serverCpuShare !== null);
  const busy = known.reduce((sum, { serverCpuShare }) => sum + serverCpuShare!, 0);
  const completed = known.reduce((sum, second) => sum + second.completed, 0);
  return completed === 0 ? Number.NaN : (busy / completed) * 1e6;
}

function cpuOfSecond({ serverCpuShare, completed }: Second): number | null {
  return serverCpuShare === null || completed === 0 ? null : serverCpuShare / completed;
}

/** The standard error of the mean of the per-second values, relative to the mean; 0 for fewer than two values. */
function relativeError({ series }: RunResult, each: (second: Second) => number | null): number {
  const values = series.map(each).filter((value) => value !== null);
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return mean === 0 ? 0 : Math.sqrt(variance / values.length) / mean;
}
