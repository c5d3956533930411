/**
 * The result of one run of a profile, as JSON. The table, the JUnit file, the HTML report, the comparison and the
 * capacity plan read it. Names of durations end with `Us` for microseconds and with `Ms` for milliseconds.
 */
export interface RunResult {
  /** The version of this format; raised with every change except new members that may be absent. */
  readonly format: 2;
  readonly profile: string;
  /** The question of the profile, one sentence. */
  readonly question: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seed: number;
  readonly build: Build;
  /** URL of the service; null if the harness started it. */
  readonly target: string | null;
  /** The service at `target`; absent if it did not report its version. */
  readonly service?: { readonly version: string };
  readonly machine: Machine;
  readonly load: Load;
  /** Digest of the requests and keys, with `--url` those that the service has; absent in a replay. */
  readonly requestsDigest?: string;
  readonly generator: Generator;
  /** What makes the figures doubtful, one sentence each. */
  readonly taints: readonly string[];
  readonly faults: readonly FaultSeen[];
  readonly requests: Requests;
  readonly throughputPerSecond: number;
  /** Open load: from the scheduled start of a request. Closed load: from sending it. */
  readonly latency: Latency;
  /** One item for each second, in order. */
  readonly series: readonly Second[];
  readonly gates: readonly GateOutcome[];
  readonly verdict: Verdict;
}

export type Verdict = 'pass' | 'warn' | 'fail';

/** The program that ran the harness, and also the service if `target` is null. */
export interface Build {
  readonly version: string;
  /** Ends in `-dirty` if files differed from it; `unknown` without git. */
  readonly commit: string;
}

/** A fault that the harness caused. */
export interface FaultSeen {
  /** Seconds since the start of the measured part. */
  readonly second: number;
  readonly what: 'redis killed' | 'redis back';
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  /** Null if the run had no Redis. */
  readonly redis: string | null;
}

export interface Load {
  /** `open`: each request is sent on schedule, whatever happened to earlier ones. `closed`: one after another. */
  readonly kind: 'open' | 'closed';
  readonly connections: number;
  /** Offered requests a second, or updates a second for `push`; the mean of `stages`; null for a closed load. */
  readonly ratePerSecond: number | null;
  /** The load also runs for this time before the measured part. */
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** The rate over time of the measured part, for an open load without a constant rate. */
  readonly stages?: readonly Stage[];
}

/** A part of a run in which the rate changes evenly from one value to another. */
export interface Stage {
  readonly seconds: number;
  /** Requests a second at the start and at the end. */
  readonly from: number;
  readonly to: number;
}

export interface Generator {
  /** The rate that it reached in this run against the constant server, with the same kind of load. */
  readonly ceilingPerSecond: number;
  /** Share of a core, 0 to 1. */
  readonly cpuShare: number;
  /** Delay between the schedule and the sending; 0 for a closed load. */
  readonly lateP99Us: number;
  /** The generator was the limit, so the run says nothing about the server. */
  readonly saturated: boolean;
  /** CPU that other programs used on a measured core, 0 to 1; null if it was not measured. */
  readonly otherProgramsShare: number | null;
}

export interface Requests {
  readonly sent: number;
  readonly completed: number;
  /** Broken connections, and requests without an answer. */
  readonly errors: number;
  readonly timeouts: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Reads that found a value, and reads that did not. */
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
  /** The whole distribution, ascending: each value with the number of requests that took at most as long. */
  readonly distribution: readonly (readonly [valueUs: number, cumulativeCount: number])[];
}

export interface Second {
  /** Seconds since the start of the measured part. */
  readonly second: number;
  readonly completed: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Reads that found a value, and reads that did not. */
  readonly hits: number;
  readonly misses: number;
  /** CPU of the server as a share of one core; null if it is unknown. */
  readonly serverCpuShare: number | null;
  readonly serverHeapBytes: number | null;
  readonly serverRssBytes: number | null;
  readonly serverLoopDelayMs: number | null;
  /** Mean duration of a Redis command in this second. */
  readonly redisMs: number | null;
}

export interface GateOutcome {
  /** `latency p95`, `error rate`, `hit rate`, `samples`, `generator`. */
  readonly gate: string;
  readonly value: number;
  readonly unit: 'ms' | '%' | 'samples' | 'share';
  /** Undefined for a gate without a warning. */
  readonly warnAt?: number;
  readonly failAt: number;
  /** The good side of the limits. */
  readonly good: 'below' | 'above';
  readonly verdict: Verdict;
}
