/**
 * All limits. Those of latency, errors and hits are `request_latency`, `error_rate` and `cache_hit_rate` of the
 * runbook.
 */
import type { GateOutcome, Generator, Latency, Requests, Second, Verdict } from './result.ts';
import { strain } from './saturation.ts';

/** Gates that a profile may select. Every profile also has `samples` and `generator`. */
export type GateName = 'latency' | 'errors' | 'hits' | 'redis reads' | 'memory growth';

type Limit = Pick<GateOutcome, 'gate' | 'unit' | 'warnAt' | 'failAt' | 'good'>;

const LIMITS = {
  p95: { gate: 'latency p95', unit: 'ms', warnAt: 50, failAt: 100, good: 'below' },
  p99: { gate: 'latency p99', unit: 'ms', warnAt: 50, failAt: 100, good: 'below' },
  errors: { gate: 'error rate', unit: '%', warnAt: 1, failAt: 5, good: 'below' },
  hits: { gate: 'hit rate', unit: '%', warnAt: 90, failAt: 80, good: 'above' },
  // With fewer samples fewer than ten answers decide the p99.
  samples: { gate: 'samples', unit: 'samples', failAt: 1000, good: 'above' },
  generator: { gate: 'generator', unit: 'share', failAt: 1, good: 'below' },
  // Reads in Redis for each request: a stampede of 64 requests for one key must cause one read.
  redisReads: { gate: 'redis reads', unit: '%', warnAt: 5, failAt: 10, good: 'below' },
  memoryGrowth: { gate: 'memory growth', unit: '%', warnAt: 25, failAt: 100, good: 'below' },
} as const satisfies Record<string, Limit>;

/** The input of the gates. */
export interface Facts {
  readonly requests: Requests;
  readonly latency: Latency;
  readonly generator: Generator;
  /** Requests sent in a second. */
  readonly ratePerSecond: number;
  readonly series: readonly Pick<Second, 'serverRssBytes'>[];
  /** Reads in Redis for each request sent; null if they were not counted. */
  readonly redisReadShare: number | null;
}

export function judge(gates: readonly GateName[], facts: Facts): GateOutcome[] {
  const { latency, requests, generator } = facts;
  const outcomes: GateOutcome[] = [];
  if (gates.includes('latency')) {
    outcomes.push(judgeGate(LIMITS.p95, latency.p95Us / 1000), judgeGate(LIMITS.p99, latency.p99Us / 1000));
  }
  if (gates.includes('errors'))
    outcomes.push(judgeGate(LIMITS.errors, percent(failures(requests), requests.sent)));
  if (gates.includes('hits')) {
    outcomes.push(judgeGate(LIMITS.hits, percent(requests.hits, requests.hits + requests.misses)));
  }
  if (gates.includes('redis reads')) {
    outcomes.push(
      judgeGate(LIMITS.redisReads, facts.redisReadShare === null ? Number.NaN : facts.redisReadShare * 100),
    );
  }
  if (gates.includes('memory growth')) outcomes.push(judgeGate(LIMITS.memoryGrowth, growth(facts.series)));
  outcomes.push(
    judgeGate(LIMITS.samples, requests.completed),
    judgeGate(LIMITS.generator, strain(generator, facts.ratePerSecond)),
  );
  // Without an answer no gate has passed: it had nothing to judge.
  if (requests.completed > 0) return outcomes;
  return outcomes.map((outcome) =>
    outcome.gate === 'generator' ? outcome : { ...outcome, verdict: 'fail' },
  );
}

/** The worst verdict; without any gate it is `fail`, because nothing was proved. */
export function verdictOf(outcomes: readonly GateOutcome[]): Verdict {
  if (outcomes.length === 0 || outcomes.some(({ verdict }) => verdict === 'fail')) return 'fail';
  return outcomes.some(({ verdict }) => verdict === 'warn') ? 'warn' : 'pass';
}

/** Requests that failed. A miss (404) and a condition that does not hold (412) are valid answers. */
export function failures({ errors, timeouts, byStatus }: Requests): number {
  let refused = 0;
  for (const [status, count] of Object.entries(byStatus)) if (isRefusal(status)) refused += count;
  return errors + timeouts + refused;
}

function isRefusal(status: string): boolean {
  if (!/^\d+$/.test(status)) return status !== 'ok' && status !== 'push';
  return Number(status) >= 400 && status !== '404' && status !== '412';
}

/** A value that is not a number fails every limit. It becomes 0, because JSON has no NaN. */
function judgeGate(limit: Limit, value: number): GateOutcome {
  const within = (bound: number) => (limit.good === 'below' ? value < bound : value >= bound);
  const verdict = !within(limit.failAt)
    ? 'fail'
    : limit.warnAt !== undefined && !within(limit.warnAt)
      ? 'warn'
      : 'pass';
  return { ...limit, value: Number.isFinite(value) ? value : 0, verdict };
}

function percent(part: number, whole: number): number {
  return whole === 0 ? Number.NaN : (100 * part) / whole;
}

/** Growth from the second fifth of the run, after the warm-up, to the last fifth, in percent. */
function growth(series: Facts['series']): number {
  const known = series.flatMap(({ serverRssBytes }) => (serverRssBytes === null ? [] : [serverRssBytes]));
  if (known.length < 5) return Number.NaN;
  const fifth = Math.floor(known.length / 5);
  const early = mean(known.slice(fifth, 2 * fifth));
  return (100 * (mean(known.slice(-fifth)) - early)) / early;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
