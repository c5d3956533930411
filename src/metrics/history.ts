/** What this process did in the last 15 minutes, as samples of five seconds in bounded memory. */
import type { CoherenceState } from '../cache/bus.ts';
import { TYPES, type TypeName } from '../key.ts';
import { type Counters, total } from './counters.ts';
import type { Histogram } from './histogram.ts';
import { percentile } from './percentile.ts';

export const INTERVAL_MS = 5000;
/** Samples of 15 minutes. */
const MOST_SAMPLES = 180;

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
  /** Grows by one with each sample of a process. */
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

/** What a sample reads when its interval ends. */
export interface HistorySources {
  readonly counters: Counters;
  readonly coherence: () => CoherenceState;
  readonly servers: () => readonly ServerState[];
  readonly pendingWrites: () => number | undefined;
  readonly l1: () => { readonly bytes: number; readonly size: number } | undefined;
  /** Returns the longest delay since the last call. */
  readonly loopDelayMs: () => number;
  readonly memory?: () => { readonly rss: number; readonly heapUsed: number };
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A ring of samples. `record` is called once an interval; nothing of it runs on the path of a request. */
export class History {
  readonly #sources: HistorySources;
  readonly #samples: Sample[] = [];
  #before: Totals;
  #next = 1;

  constructor(sources: HistorySources) {
    this.#sources = sources;
    this.#before = totals(sources);
  }

  /** Ends the current interval. */
  record(): void {
    const now = totals(this.#sources);
    this.#samples.push(sampleOf(this.#next++, this.#before, now, this.#sources));
    if (this.#samples.length > MOST_SAMPLES) this.#samples.shift();
    this.#before = now;
  }

  /** The samples with a greater number, oldest first. */
  after(number: number): readonly Sample[] {
    const first = this.#next - this.#samples.length;
    return this.#samples.slice(Math.max(0, number + 1 - first));
  }
}

type Timed = keyof Sample['latency'];

interface Totals {
  readonly at: number;
  readonly l1: Float64Array;
  readonly redis: Float64Array;
  readonly misses: Float64Array;
  readonly requests: Sample['requests'];
  readonly buckets: Readonly<Record<Timed, Float64Array>>;
}

function totals({ counters, now = Date.now }: HistorySources): Totals {
  const { l1Hits, l2Hits, misses, staleHits } = counters;
  counters.getSeconds.settle();
  const copied = (histogram: Histogram) => histogram.counts.slice();
  return {
    at: now(),
    l1: l1Hits.map((count, i) => count + staleHits[i]!),
    redis: l2Hits.slice(),
    misses: misses.slice(),
    requests: {
      get: total(l1Hits) + total(staleHits) + total(l2Hits) + total(misses) + counters.getErrors,
      set: counters.setHits + counters.setMisses + counters.setErrors,
      delete: counters.deleteHits + counters.deleteMisses + counters.deleteErrors,
      errors: counters.getErrors + counters.setErrors + counters.deleteErrors,
      stale: total(staleHits),
      shed: counters.shed,
      events: counters.wsPushes,
    },
    buckets: {
      get: copied(counters.getSeconds),
      set: copied(counters.setSeconds),
      delete: copied(counters.deleteSeconds),
      redis: copied(counters.redisSeconds),
      lag: copied(counters.coherenceLagSeconds),
    },
  };
}

function sampleOf(number: number, before: Totals, now: Totals, sources: HistorySources): Sample {
  const {
    counters,
    coherence,
    servers,
    pendingWrites,
    l1,
    loopDelayMs,
    memory = process.memoryUsage,
  } = sources;
  const { bounds } = counters.getSeconds;
  const latency = (timed: Timed) =>
    percentilesOf(bounds, differences(now.buckets[timed], before.buckets[timed]));
  const { rss, heapUsed } = memory();
  const local = l1();
  return {
    number,
    at: now.at,
    seconds: Math.max(0.001, (now.at - before.at) / 1000),
    reads: readsOf(before, now),
    requests: requestsOf(before.requests, now.requests),
    latency: {
      get: latency('get'),
      set: latency('set'),
      delete: latency('delete'),
      redis: latency('redis'),
      lag: latency('lag'),
    },
    coherence: coherence(),
    servers: servers(),
    pending_writes: pendingWrites() ?? null,
    memory: { resident: rss, heap: heapUsed, l1: local?.bytes ?? 0, l1_entries: local?.size ?? 0 },
    loop_delay_ms: rounded(loopDelayMs()),
  };
}

function readsOf(before: Totals, now: Totals): Sample['reads'] {
  const of = (tier: 'l1' | 'redis' | 'misses', i: number) => now[tier][i]! - before[tier][i]!;
  const reads = TYPES.map((type, i): [TypeName, TypeReads] => [
    type,
    { l1: of('l1', i), redis: of('redis', i), misses: of('misses', i) },
  ]);
  return Object.fromEntries(reads.filter(([, { l1, redis, misses }]) => l1 + redis + misses > 0));
}

function requestsOf(before: Sample['requests'], now: Sample['requests']): Sample['requests'] {
  const names = Object.keys(now) as (keyof Sample['requests'])[];
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as Sample['requests'];
}

function differences(now: Float64Array, before: Float64Array): Float64Array {
  return now.map((count, i) => count - before[i]!);
}

function percentilesOf(bounds: readonly number[], counts: Float64Array): Percentiles {
  const of = (share: number) => {
    const seconds = percentile(bounds, counts, share);
    return seconds === undefined ? null : rounded(Math.min(seconds, bounds.at(-1)!) * 1000);
  };
  return { p50: of(0.5), p95: of(0.95), p99: of(0.99) };
}

/** Milliseconds to the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
