/**
 * What one run of a profile gives: written as JSON, and read by the table, the JUnit file, the HTML report, the
 * comparison and the capacity plan. Durations are microseconds and end in `Us`, or milliseconds and end in `Ms`.
 */
export interface RunResult {
  /** Of this shape; raised when it changes. */
  readonly format: 1;
  readonly profile: string;
  /** What the profile asks, in one sentence. */
  readonly question: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seed: number;
  readonly machine: Machine;
  readonly load: Load;
  readonly generator: Generator;
  readonly requests: Requests;
  readonly throughputPerSecond: number;
  /** From the intended start where the load is open, else from the sending. */
  readonly latency: Latency;
  /** One a second, in order. */
  readonly series: readonly Second[];
  readonly gates: readonly GateOutcome[];
  readonly verdict: Verdict;
}

export type Verdict = 'pass' | 'warn' | 'fail';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  /** Null where the run had no Redis. */
  readonly redis: string | null;
}

export interface Load {
  /** `open`: sent when it is due, whatever became of the ones before. `closed`: one after another. */
  readonly kind: 'open' | 'closed';
  readonly connections: number;
  /** Offered; null for a closed load. */
  readonly ratePerSecond: number | null;
  readonly warmupSeconds: number;
  readonly seconds: number;
}

export interface Generator {
  /** What it reached against a server that does nothing, in this run and at this shape of load. */
  readonly ceilingPerSecond: number;
  /** Its share of a core, 0 to 1. */
  readonly cpuShare: number;
  /** How late it sent what was due; 0 for a closed load. */
  readonly lateP99Us: number;
  /** It was the limit: the run says nothing about the server's. */
  readonly saturated: boolean;
}

export interface Requests {
  readonly sent: number;
  readonly completed: number;
  /** Connections that broke, and answers that never came. */
  readonly errors: number;
  readonly timeouts: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Of the reads: with a value and without. */
  readonly hits: number;
  readonly misses: number;
}

export interface Latency {
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** The whole distribution: each value with how many took no longer than it. Ascending, cumulative. */
  readonly distribution: readonly (readonly [valueUs: number, cumulativeCount: number])[];
}

export interface Second {
  /** Since the measured part began. */
  readonly second: number;
  readonly completed: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Of the server, a share of one core; null where it cannot be known. */
  readonly serverCpuShare: number | null;
  readonly serverHeapBytes: number | null;
  readonly serverRssBytes: number | null;
  readonly serverLoopDelayMs: number | null;
  /** Mean time of a Redis command in this second. */
  readonly redisMs: number | null;
}

export interface GateOutcome {
  /** `latency p95`, `error rate`, `hit rate`, `samples`, `generator`. */
  readonly gate: string;
  readonly value: number;
  readonly unit: 'ms' | '%' | 'samples' | 'share';
  /** Undefined where it only fails. */
  readonly warnAt?: number;
  readonly failAt: number;
  /** Which side of the limits is good. */
  readonly good: 'below' | 'above';
  readonly verdict: Verdict;
}
