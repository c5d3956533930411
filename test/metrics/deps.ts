import { Quality } from '../../src/cache/quality/quality.ts';
import type { Counters } from '../../src/metrics/counters.ts';
import type { MetricsDeps } from '../../src/metrics/prometheus.ts';
import type { RedisStatus } from '../../src/redis/info.ts';
import type { KeyCounts } from '../../src/redis/key-counter.ts';
import { openMemory } from '../support/replica.ts';

/** A Redis that answers, with the numbers of the runbook's sample. */
export const UP = {
  connected: true,
  response_time_ms: 2.45,
  server_info: {
    redis_version: '7.0.5',
    uptime_in_seconds: 1234567,
    connected_clients: 42,
    used_memory_human: '1.20G',
  },
  replica: false,
  details: {
    usedMemoryBytes: 1_288_490_188,
    maxMemoryBytes: 0,
    maxClients: 10_000,
    evictedKeys: 7,
    expiredKeys: 8,
    keyspaceHits: 9,
    keyspaceMisses: 10,
    commands: [{ name: 'mget', calls: 11, seconds: 0.5 }],
  },
} as const satisfies RedisStatus;

export const GONE: RedisStatus = {
  connected: false,
  response_time_ms: null,
  server_info: {},
  error: 'not connected to Redis: connect ECONNREFUSED 127.0.0.1:6379',
};

/** An L1 for three entries that was given these keys in turn. */
export function filledMemory(keys: readonly string[]) {
  const { memory, counters, put } = openMemory({ maxEntries: 3 });
  for (const key of keys) put(key);
  return { memory, counters };
}

const COUNTED: KeyCounts = { total: 28, byType: [1, 2, 3, 4, 5, 6, 7], countedAt: 0 };

/** Parts with an L1 of three entries that has evicted one, and a Redis as in the runbook's sample. */
export function setUp(shared?: Counters): { deps: MetricsDeps; counters: Counters } {
  const filled = filledMemory(['borrow_rate:A', 'borrow_rate:B', 'odd', 'min_rate:A']);
  const counters = shared ?? filled.counters;
  const deps: MetricsDeps = {
    counters,
    memory: filled.memory,
    redis: {
      info: { status: async () => UP },
      keyCounter: { latest: () => COUNTED },
      connections: () => 3,
      maxConnections: 100,
    },
    coherence: () => 'coherent',
    quality: new Quality({ now: 0 }),
    faults: {
      counters,
      pendingWrites: undefined,
      clockOffsetMs: () => 0,
      breakerOpen: () => false,
      loopDelayMs: () => 1,
    },
    push: () => ({ connections: 2, streams: 4, subscriptions: 3 }),
    openRequests: () => 17,
    certificateExpiresAt: () => 1500,
    version: '1.2.3',
    statsEnabled: true,
  };
  return { deps, counters };
}
