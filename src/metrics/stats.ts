import type { Memory } from '../cache/l1/memory.ts';
import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';
import { TYPES, type TypeName } from '../key.ts';
import type { RedisStatus } from '../redis/info.ts';
import type { KeyCounts } from '../redis/key-counter.ts';
import { type Counters, total } from './counters.ts';
import { type Outcomes, outcomes } from './outcomes.ts';
import { type PendingWritesBody, pendingWritesBody } from './pending-writes-body.ts';
import type { ServerStats } from './servers.ts';

export interface StatsDeps {
  readonly counters: Counters;
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone. */
  readonly redis: RedisStatus | undefined;
  /** The masters of a Cluster. */
  readonly servers?: readonly ServerStats[] | undefined;
  /** Undefined if the keys could not be counted. */
  readonly keys: KeyCounts | undefined;
  /** Undefined when standalone, or if pending writes are disabled. */
  readonly pendingWrites?: PendingWrites | undefined;
  readonly process: ProcessStats;
}

/** The body of `/stats`. The members of Redis are at the top level, for compatibility with the predecessor. */
export type StatsBody = RedisStats & {
  readonly local: LocalStats;
  /** Undefined when standalone. */
  readonly redis?: LookupStats | undefined;
  readonly requests: {
    readonly get: Outcomes & { readonly hit_rate: Rate };
    readonly set: Outcomes;
    readonly delete: Outcomes;
  };
  readonly flights: { readonly joined: number; readonly fenced: number };
  readonly pending_writes?: PendingWritesBody | undefined;
  /** The masters of a Cluster. */
  readonly servers?: readonly ServerStats[] | undefined;
  readonly latency: LatencyStats;
  readonly process: ProcessStats;
  /** Only with PROCESSES: the number of processes that these figures are from. */
  readonly processes?: number;
};

export interface ProcessStats {
  /** CPU time of all threads since the start, in seconds. */
  readonly cpu_seconds: number;
  /** How late the event loop was within about the last second. */
  readonly event_loop_delay_ms: number;
}

export type Operation = 'get' | 'set' | 'delete' | 'redis';

/** Histograms with a count for each bound, and one for slower ones. The counts are not cumulative. */
export type LatencyStats = { readonly bounds_seconds: readonly number[] } & Readonly<
  Record<Operation, readonly number[]>
>;

export type RedisStats =
  | {
      readonly connected: true;
      /** Null if the keys could not be counted; `categories` is empty then. */
      readonly keys_count: number | null;
      /** Memory of the server in the format of Redis: `1.20G`; `unknown` if it does not answer INFO. */
      readonly memory_used: string;
      /** Uptime of the server in seconds; absent if it does not answer INFO. */
      readonly uptime?: number;
      readonly categories: Partial<Record<TypeName, number>>;
      /** The time of the count in ISO 8601, or null if the keys could not be counted. */
      readonly keys_counted_at: string | null;
    }
  | {
      readonly connected: false;
      readonly keys_count: 0;
      readonly memory_used: 0;
      readonly categories: Record<string, never>;
    };

export interface LocalStats extends LocalCounts {
  readonly enabled: boolean;
  readonly max_items: number;
  readonly bytes: number;
  readonly hit_rate: Rate;
  readonly by_type: Partial<Record<TypeName, LocalCounts>>;
}

/** Reads that L1 could not answer, as hits and misses in Redis. */
export interface LookupStats extends LookupCounts {
  readonly hit_rate: Rate;
  readonly by_type: Record<TypeName, LookupCounts>;
}

export interface LookupCounts {
  readonly hits: number;
  readonly misses: number;
}

export interface LocalCounts extends LookupCounts {
  readonly items: number;
  /** Misses that this process answered with a stale or a pending value, because Redis did not answer. */
  readonly stale: number;
  readonly evictions: number;
  readonly expirations: number;
}

/** From 0 to 1 with four decimals; null before the first request. */
type Rate = number | null;

export function stats(deps: StatsDeps): StatsBody {
  const { counters, memory, redis, servers, keys, pendingWrites, process } = deps;
  const requests = outcomes(counters);
  return {
    ...redisStats(redis, keys),
    local:
      memory === undefined
        ? { ...NO_LOCAL_CACHE, stale: total(counters.staleHits) }
        : localStats(memory, counters),
    ...(redis === undefined ? {} : { redis: lookupStats(counters) }),
    requests: { ...requests, get: { ...requests.get, hit_rate: rate(requests.get.hit, requests.get.miss) } },
    flights: { joined: counters.joinedFlights, fenced: counters.fencedFlights },
    ...(pendingWrites === undefined ? {} : { pending_writes: pendingWritesBody(pendingWrites) }),
    ...(servers === undefined ? {} : { servers }),
    latency: latencyStats(counters),
    process,
  };
}

function latencyStats({ getSeconds, setSeconds, deleteSeconds, redisSeconds }: Counters): LatencyStats {
  getSeconds.settle();
  return {
    bounds_seconds: getSeconds.bounds,
    get: [...getSeconds.counts],
    set: [...setSeconds.counts],
    delete: [...deleteSeconds.counts],
    redis: [...redisSeconds.counts],
  };
}

function redisStats(redis: StatsDeps['redis'], keys: KeyCounts | undefined): RedisStats {
  if (redis === undefined || !redis.connected) {
    return { connected: false, keys_count: 0, memory_used: 0, categories: {} };
  }
  const { used_memory_human, uptime_in_seconds } = redis.server_info;
  return {
    connected: true,
    keys_count: keys?.total ?? null,
    memory_used: used_memory_human ?? 'unknown',
    ...(uptime_in_seconds === undefined ? {} : { uptime: uptime_in_seconds }),
    categories: keys === undefined ? {} : byType((i) => keys.byType[i]!),
    keys_counted_at: keys === undefined ? null : new Date(keys.countedAt).toISOString(),
  };
}

function localStats(memory: Memory, counters: Counters): LocalStats {
  const { l1Hits, l1Misses, staleHits, l1Evictions, l1Expirations } = counters;
  const hits = total(l1Hits);
  const misses = total(l1Misses);
  return {
    enabled: true,
    items: memory.size,
    max_items: memory.maxEntries,
    bytes: memory.bytes,
    hits,
    misses,
    hit_rate: rate(hits, misses),
    stale: total(staleHits),
    evictions: total(l1Evictions),
    expirations: total(l1Expirations),
    by_type: byType((i) => ({
      items: memory.sizes[i]!,
      hits: l1Hits[i]!,
      misses: l1Misses[i]!,
      stale: staleHits[i]!,
      evictions: l1Evictions[i]!,
      expirations: l1Expirations[i]!,
    })),
  };
}

function lookupStats({ l2Hits, misses: l2Misses }: Counters): LookupStats {
  const hits = total(l2Hits);
  const misses = total(l2Misses);
  return {
    hits,
    misses,
    hit_rate: rate(hits, misses),
    by_type: byType((i) => ({ hits: l2Hits[i]!, misses: l2Misses[i]! })),
  };
}

const NO_LOCAL_CACHE: LocalStats = {
  enabled: false,
  items: 0,
  max_items: 0,
  bytes: 0,
  hits: 0,
  misses: 0,
  hit_rate: null,
  stale: 0,
  evictions: 0,
  expirations: 0,
  by_type: {},
};

function byType<T>(read: (type: number) => T): Record<TypeName, T> {
  return Object.fromEntries(TYPES.map((name, i) => [name, read(i)])) as Record<TypeName, T>;
}

export function rate(hits: number, misses: number): Rate {
  return hits + misses === 0 ? null : Math.round((hits / (hits + misses)) * 1e4) / 1e4;
}
