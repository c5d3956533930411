import type { RedisStatus } from '../../src/redis/info.ts';
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
