/**
 * All limits. Those of latency, errors and hits are `request_latency`, `error_rate` and `cache_hit_rate` of the
 * runbook.
 */
import type { FaultSeen, GateOutcome, Generator, Latency, Requests, Second, Verdict } from './result.ts';
import { strain } from './saturation.ts';

/** Gates that a profile may select. Every profile also has `samples` and `generator`. */
export type GateName =
  | 'latency'
  | 'errors'
  | 'hits'
  | 'redis reads'
  | 'served without redis'
  | 'memory growth';

/** Limits by the name of the gate in the result, such as `latency p99`. They replace those of the table below. */
export type GateLimits = Readonly<Record<string, Pick<GateOutcome, 'warnAt' | 'failAt'>>>;

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
  // Hits among the reads while Redis is down. Only keys that were read before can be hits: 64 % after 8 s of redis-down.
  served: { gate: 'served without redis', unit: '%', warnAt: 50, failAt: 40, good: 'above' },
  memoryGrowth: { gate: 'memory growth', unit: '%', warnAt: 25, failAt: 100, good: 'below' },
} as const satisfies Record<string, Limit>;

/** The side of its limits on which the value of a gate is good. */
export function goodSideOf(gate: string): GateOutcome['good'] | undefined {
  return Object.values(LIMITS).find((limit) => limit.gate === gate)?.good;
}

/** The input of the gates. */
export interface Facts {
  readonly requests: Requests;
  readonly latency: Latency;
  readonly generator: Generator;
  /** Requests sent in a second. */
  readonly ratePerSecond: number;
  readonly series: readonly Pick<Second, 'second' | 'hits' | 'misses' | 'serverRssBytes'>[];
  readonly faults: readonly FaultSeen[];
  /** Reads in Redis for each request sent; null if they were not counted. */
  readonly redisReadShare: number | null;
}

export function judge(gates: readonly GateName[], facts: Facts, overrides: GateLimits = {}): GateOutcome[] {
  const judgeGate = (limit: Limit, value: number) =>
    judgeLimit(overrides[limit.gate] ? { ...withoutLimits(limit), ...overrides[limit.gate]! } : limit, value);
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
  if (gates.includes('served without redis')) outcomes.push(judgeGate(LIMITS.served, servedShare(facts)));
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

/** Requests that failed. A miss (404) and a condition that does not hold (304, 412) are valid answers. */
export function failures({ errors, timeouts, byStatus }: Requests): number {
  let refused = 0;
  for (const [status, count] of Object.entries(byStatus)) if (isRefusal(status)) refused += count;
  return errors + timeouts + refused;
}

/** Besides 2xx. A redirect is not valid: the service sends none, so something else answered. */
const VALID: readonly string[] = ['304', '404', '412'];

export function isRefusal(status: string): boolean {
  if (!/^\d+$/.test(status)) return status !== 'ok' && status !== 'push';
  return !status.startsWith('2') && !VALID.includes(status);
}

/** A value that is not a number fails every limit. It becomes 0, because JSON has no NaN. */
function judgeLimit(limit: Limit, value: number): GateOutcome {
  const within = (bound: number) => (limit.good === 'below' ? value < bound : value >= bound);
  const verdict = !within(limit.failAt)
    ? 'fail'
    : limit.warnAt !== undefined && !within(limit.warnAt)
      ? 'warn'
      : 'pass';
  return { ...limit, value: Number.isFinite(value) ? value : 0, verdict };
}

function withoutLimits({ gate, unit, good }: Limit): Omit<Limit, 'warnAt' | 'failAt'> {
  return { gate, unit, good };
}

/** Hits in percent of the reads answered in the seconds that lie mostly between the fault and its end. */
function servedShare({ series, faults }: Pick<Facts, 'series' | 'faults'>): number {
  const at = (what: FaultSeen['what']) => faults.find((fault) => fault.what === what)?.second ?? Number.NaN;
  const [killed, back] = [at('redis killed'), at('redis back')];
  const down = series.filter(({ second }) => second + 0.5 >= killed && second + 0.5 <= back);
  const sum = (of: 'hits' | 'misses') => down.reduce((total, second) => total + second[of], 0);
  return percent(sum('hits'), sum('hits') + sum('misses'));
}

function percent(part: number, whole: number): number {
  return whole === 0 ? Number.NaN : (100 * part) / whole;
}

/** Growth from the second fifth of the run, after the warm-up, to the last fifth, in percent. */
function growth(series: readonly Pick<Second, 'serverRssBytes'>[]): number {
  const known = series.flatMap(({ serverRssBytes }) => (serverRssBytes === null ? [] : [serverRssBytes]));
  if (known.length < 5) return Number.NaN;
  const fifth = Math.floor(known.length / 5);
  const early = mean(known.slice(fifth, 2 * fifth));
  return (100 * (mean(known.slice(-fifth)) - early)) / early;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
