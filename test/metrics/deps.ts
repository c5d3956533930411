import { Entry } from '../../src/cache/entry.ts';
import { Memory } from '../../src/cache/l1/memory.ts';
import { Counters } from '../../src/metrics/counters.ts';
import type { RedisStatus } from '../../src/redis/info.ts';

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
export function filledMemory(keys: readonly string[]): { memory: Memory; counters: Counters } {
  const counters = new Counters();
  const options = { maxEntries: 3, maxBytes: 0, ttlMs: 60_000 };
  const memory = new Memory(options, { now: 1000 }, counters);
  for (const key of keys) {
    memory.set(new Entry(key, { encoding: 'json', body: '1' }, '0'.repeat(24), 1000, 100_000));
  }
  return { memory, counters };
}
