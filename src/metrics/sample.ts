/** What a service did in an interval of five seconds. */
import type { CoherenceState } from '../cache/bus.ts';
import type { TypeName } from '../key.ts';

/** Reads of one type, by what answered them. */
export interface TypeReads {
  readonly l1: number;
  readonly redis: number;
  readonly misses: number;
}

/** Percentiles of an interval in milliseconds; null without an event. A time above all buckets counts as the last bound. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** One Redis server. `name` is absent where Redis is a single server. */
export interface ServerState {
  readonly name?: string | undefined;
  readonly coherence: CoherenceState;
  readonly connected: boolean;
  readonly breaker: 'open' | 'closed';
}

/** One interval: its counts, and the state at its end. */
export interface Sample {
  /** Grows by one with each sample. */
  readonly number: number;
  /** The end of the interval, in ms since 1970. */
  readonly at: number;
  /** The duration of the interval. */
  readonly seconds: number;
  /** Types without reads are absent. */
  readonly reads: Partial<Record<TypeName, TypeReads>>;
  readonly requests: {
    readonly get: number;
    readonly set: number;
    readonly delete: number;
    /** Operations that failed. */
    readonly errors: number;
    /** Reads that L1 answered with a stale value, because Redis did not answer. */
    readonly stale: number;
    /** Requests rejected because the event loop was late. */
    readonly shed: number;
    /** Events sent to subscribers. */
    readonly events: number;
  };
  readonly latency: {
    readonly get: Percentiles;
    readonly set: Percentiles;
    readonly delete: Percentiles;
    readonly redis: Percentiles;
    /** From the change of a key in Redis to its invalidation in this process. */
    readonly lag: Percentiles;
  };
  readonly coherence: CoherenceState;
  readonly servers: readonly ServerState[];
  /** Null if pending writes are disabled. */
  readonly pending_writes: number | null;
  readonly memory: {
    readonly resident: number;
    readonly heap: number;
    readonly l1: number;
    readonly l1_entries: number;
  };
  /** The longest delay of the event loop in the interval. */
  readonly loop_delay_ms: number;
}
