/** What a process counted between two readings of its counters; and what several processes did together. */
import type { CoherenceState } from '../cache/bus.ts';
import { type Counters, total } from './counters.ts';
import type { Histogram } from './histogram.ts';
import type { Sample, ServerState } from './sample.ts';

/** Counts by `TypeIndex`, by kind of request, and by latency bucket. */
export interface Counts {
  readonly l1: Float64Array;
  readonly redis: Float64Array;
  readonly misses: Float64Array;
  readonly requests: Sample['requests'];
  readonly buckets: Readonly<Record<keyof Sample['latency'], Float64Array>>;
}

/** The state at the end of an interval. */
export type State = Pick<Sample, 'coherence' | 'servers' | 'pending_writes' | 'memory' | 'loop_delay_ms'>;

/** The counts since the start of the process, and its state. */
export interface Reading {
  /** Ms since 1970. */
  readonly at: number;
  readonly counts: Counts;
  readonly state: State;
}

/** The counts of an interval, and the state at its end. */
export interface Interval extends Reading {
  /** The duration of the interval. */
  readonly seconds: number;
}

export interface ReadingSources {
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

/** Called once an interval. Nothing of it runs on the path of a request. */
export function readingOf(sources: ReadingSources): Reading {
  const {
    counters,
    coherence,
    servers,
    pendingWrites,
    l1,
    loopDelayMs,
    memory = process.memoryUsage,
    now = Date.now,
  } = sources;
  const { rss, heapUsed } = memory();
  const local = l1();
  return {
    at: now(),
    counts: countsOf(counters),
    state: {
      coherence: coherence(),
      servers: servers(),
      pending_writes: pendingWrites() ?? null,
      memory: { resident: rss, heap: heapUsed, l1: local?.bytes ?? 0, l1_entries: local?.size ?? 0 },
      loop_delay_ms: loopDelayMs(),
    },
  };
}

function countsOf(counters: Counters): Counts {
  const { l1Hits, l2Hits, misses, staleHits } = counters;
  counters.getSeconds.settle();
  const copied = (histogram: Histogram) => histogram.counts.slice();
  return {
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

export function intervalOf(before: Reading, now: Reading): Interval {
  return { ...now, seconds: secondsOf(before.at, now.at), counts: countsSince(before, now) };
}

/** What a process of a service did since its last reading, or since its start if it had no reading. */
export interface Share {
  readonly before: Reading | undefined;
  readonly now: Reading;
}

/**
 * The interval of a service of several processes: the sum of what its processes did, and the worst of their states.
 * @param shares at least one
 * @param from when the interval began, in ms since 1970
 * @param to when it ended
 */
export function mergeShares(shares: readonly Share[], from: number, to: number): Interval {
  return {
    at: to,
    seconds: secondsOf(from, to),
    counts: shares
      .map(({ before, now }) => countsSince(before, now))
      .reduce((a, b) => combined(a, b, (x, y) => x + y)),
    state: mergeStates(shares.map(({ now }) => now.state)),
  };
}

function countsSince(before: Reading | undefined, now: Reading): Counts {
  return before === undefined ? now.counts : combined(now.counts, before.counts, (x, y) => x - y);
}

function secondsOf(from: number, to: number): number {
  return Math.max(0.001, (to - from) / 1000);
}

function combined(a: Counts, b: Counts, combine: (x: number, y: number) => number): Counts {
  const each = (x: Float64Array, y: Float64Array) => x.map((count, i) => combine(count, y[i]!));
  return {
    l1: each(a.l1, b.l1),
    redis: each(a.redis, b.redis),
    misses: each(a.misses, b.misses),
    requests: mapped(a.requests, (count, name) => combine(count, b.requests[name])),
    buckets: mapped(a.buckets, (counts, name) => each(counts, b.buckets[name])),
  };
}

function mapped<K extends string, T>(
  of: Readonly<Record<K, T>>,
  change: (value: T, name: K) => T,
): Record<K, T> {
  const entries = Object.entries(of) as [K, T][];
  return Object.fromEntries(entries.map(([name, value]) => [name, change(value, name)])) as Record<K, T>;
}

const COHERENCE: readonly CoherenceState[] = ['off', 'coherent', 'degraded', 'blind'];

function worst(states: readonly CoherenceState[]): CoherenceState {
  return COHERENCE[Math.max(...states.map((state) => COHERENCE.indexOf(state)))]!;
}

function mergeStates(states: readonly State[]): State {
  const sum = (of: (state: State) => number) => states.reduce((total, state) => total + of(state), 0);
  const pendingWrites = states.flatMap(({ pending_writes: entries }) => entries ?? []);
  return {
    coherence: worst(states.map(({ coherence }) => coherence)),
    servers: mergeServers(states.flatMap(({ servers }) => servers)),
    pending_writes: pendingWrites.length === 0 ? null : pendingWrites.reduce((a, b) => a + b),
    memory: {
      resident: sum(({ memory }) => memory.resident),
      heap: sum(({ memory }) => memory.heap),
      l1: sum(({ memory }) => memory.l1),
      l1_entries: sum(({ memory }) => memory.l1_entries),
    },
    loop_delay_ms: Math.max(...states.map(({ loop_delay_ms }) => loop_delay_ms)),
  };
}

/** Each server once, as the process with the greatest trouble reports it. */
function mergeServers(servers: readonly ServerState[]): ServerState[] {
  const byName = Map.groupBy(servers, ({ name }) => name);
  return [...byName].map(([name, reports]) => ({
    ...(name !== undefined && { name }),
    coherence: worst(reports.map(({ coherence }) => coherence)),
    connected: reports.every(({ connected }) => connected),
    breaker: reports.some(({ breaker }) => breaker === 'open') ? 'open' : 'closed',
  }));
}
