/**
 * All limits in one place. Those of latency, errors and hits are the runbook's `request_latency`, `error_rate` and
 * `cache_hit_rate`.
 */
import type { GateOutcome, Generator, Latency, Requests, Second, Verdict } from './result.ts';
import { strain } from './saturation.ts';

/** What a profile may ask for besides `samples` and `generator`, which it always has. */
export type GateName = 'latency' | 'errors' | 'hits' | 'redis reads' | 'memory growth';

type Limit = Pick<GateOutcome, 'gate' | 'unit' | 'warnAt' | 'failAt' | 'good'>;

const LIMITS = {
  p95: { gate: 'latency p95', unit: 'ms', warnAt: 50, failAt: 100, good: 'below' },
  p99: { gate: 'latency p99', unit: 'ms', warnAt: 50, failAt: 100, good: 'below' },
  errors: { gate: 'error rate', unit: '%', warnAt: 1, failAt: 5, good: 'below' },
  hits: { gate: 'hit rate', unit: '%', warnAt: 90, failAt: 80, good: 'above' },
  // A p99 of fewer rests on less than ten answers.
  samples: { gate: 'samples', unit: 'samples', failAt: 1000, good: 'above' },
  generator: { gate: 'generator', unit: 'share', failAt: 1, good: 'below' },
  // Reads in Redis for each request: a stampede of 64 on one key is to be one.
  redisReads: { gate: 'redis reads', unit: '%', warnAt: 5, failAt: 10, good: 'below' },
  memoryGrowth: { gate: 'memory growth', unit: '%', warnAt: 25, failAt: 100, good: 'below' },
} as const satisfies Record<string, Limit>;

/** What the gates look at. */
export interface Facts {
  readonly requests: Requests;
  readonly latency: Latency;
  readonly generator: Generator;
  /** Sent in a second. */
  readonly ratePerSecond: number;
  readonly series: readonly Pick<Second, 'serverRssBytes'>[];
  /** Reads that Redis saw for each request sent; null where nobody counted. */
  readonly redisReadShare: number | null;
}

export function judge(gates: readonly GateName[], facts: Facts): GateOutcome[] {
  const { latency, requests, generator } = facts;
  const outcomes: GateOutcome[] = [];
  if (gates.includes('latency')) {
    outcomes.push(hold(LIMITS.p95, latency.p95Us / 1000), hold(LIMITS.p99, latency.p99Us / 1000));
  }
  if (gates.includes('errors'))
    outcomes.push(hold(LIMITS.errors, percent(failures(requests), requests.sent)));
  if (gates.includes('hits')) {
    outcomes.push(hold(LIMITS.hits, percent(requests.hits, requests.hits + requests.misses)));
  }
  if (gates.includes('redis reads')) {
    outcomes.push(
      hold(LIMITS.redisReads, facts.redisReadShare === null ? Number.NaN : facts.redisReadShare * 100),
    );
  }
  if (gates.includes('memory growth')) outcomes.push(hold(LIMITS.memoryGrowth, growth(facts.series)));
  outcomes.push(
    hold(LIMITS.samples, requests.completed),
    hold(LIMITS.generator, strain(generator, facts.ratePerSecond)),
  );
  // No answers, no figures: a gate that looked at nothing has not held.
  if (requests.completed > 0) return outcomes;
  return outcomes.map((outcome) =>
    outcome.gate === 'generator' ? outcome : { ...outcome, verdict: 'fail' },
  );
}

/** The worst of them; without any gate nothing was proved. */
export function verdictOf(outcomes: readonly GateOutcome[]): Verdict {
  if (outcomes.length === 0 || outcomes.some(({ verdict }) => verdict === 'fail')) return 'fail';
  return outcomes.some(({ verdict }) => verdict === 'warn') ? 'warn' : 'pass';
}

/** Requests without the answer that they should have had: a miss is one, and so is a condition that does not hold. */
export function failures({ errors, timeouts, byStatus }: Requests): number {
  let refused = 0;
  for (const [status, count] of Object.entries(byStatus)) if (isRefusal(status)) refused += count;
  return errors + timeouts + refused;
}

function isRefusal(status: string): boolean {
  if (!/^\d+$/.test(status)) return status !== 'ok' && status !== 'push';
  return Number(status) >= 400 && status !== '404' && status !== '412';
}

/** What is no number holds no limit, and is written as 0, since JSON has none. */
function hold(limit: Limit, value: number): GateOutcome {
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

/** From the second fifth of the run, when all is warm, to the last, in percent. */
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
