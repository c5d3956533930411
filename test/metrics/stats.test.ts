import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PendingWrites } from '../../src/cache/pending-writes/pending-writes.ts';
import { OTHER, TYPES } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { type StatsDeps, stats as statsOf } from '../../src/metrics/stats.ts';
import { filledMemory, GONE, UP } from './deps.ts';

const KEYS = { total: 28, byType: [1, 2, 3, 4, 5, 6, 7], countedAt: Date.UTC(2024, 0, 2, 3, 4, 5, 678) };
const PROCESS = { cpu_seconds: 1.5, event_loop_delay_ms: 0.25 };

const stats = (deps: Omit<StatsDeps, 'process'>) => statsOf({ ...deps, process: PROCESS });

test('the top level has the Redis fields of get_stats, and min_rate', () => {
  const { memory, counters } = filledMemory([]);
  const { local, redis, requests, flights, latency, process, ...top } = stats({
    counters,
    memory,
    redis: UP,
    keys: KEYS,
  });
  assert.deepEqual(top, {
    connected: true,
    keys_count: 28,
    memory_used: '1.20G',
    uptime: 1234567,
    categories: {
      borrow_rate: 1,
      volatility: 2,
      event_risk: 3,
      broker_config: 4,
      calculation: 5,
      min_rate: 6,
      other: 7,
    },
    keys_counted_at: '2024-01-02T03:04:05.678Z',
  });
});

test('the top level has the fields of get_stats when Redis is unreachable or not configured', () => {
  const { memory, counters } = filledMemory([]);
  for (const status of [GONE, undefined]) {
    const deps = { counters, memory, redis: status, keys: KEYS };
    const { local, redis, requests, flights, latency, process, ...top } = stats(deps);
    assert.deepEqual(top, { connected: false, keys_count: 0, memory_used: 0, categories: {} });
  }
});

test('memory is unknown and uptime is absent when Redis refuses INFO', () => {
  const { memory, counters } = filledMemory([]);
  const body = stats({ counters, memory, redis: { ...UP, server_info: {}, details: undefined }, keys: KEYS });
  assert.ok(body.connected);
  assert.deepEqual([body.keys_count, body.memory_used, 'uptime' in body], [28, 'unknown', false]);
});

test('keys that could not be counted are null and not zero', () => {
  const { memory, counters } = filledMemory([]);
  const body = stats({ counters, memory, redis: UP, keys: undefined });
  assert.ok(body.connected);
  assert.equal(body.keys_count, null);
  assert.equal(body.keys_counted_at, null);
  assert.deepEqual(body.categories, {});
});

test('L1 reports items, bytes, hits, misses, stale reads, evictions and expirations, also by type', () => {
  const { memory, counters } = filledMemory(['borrow_rate:A', 'borrow_rate:B', 'odd', 'min_rate:A']);
  counters.l1Hits[0] = 2;
  counters.l1Hits[OTHER] = 1;
  counters.l1Misses[0] = 6;
  counters.staleHits[0] = 5;
  counters.l1Expirations[5] = 4;
  const { local } = stats({ counters, memory, redis: UP, keys: KEYS });
  const { by_type, ...all } = local;
  assert.deepEqual(all, {
    enabled: true,
    items: 3,
    max_items: 3,
    bytes: memory.bytes,
    hits: 3,
    misses: 6,
    hit_rate: 0.3333,
    stale: 5,
    evictions: 1,
    expirations: 4,
  });
  assert.deepEqual(Object.keys(by_type), TYPES);
  assert.deepEqual(by_type.borrow_rate, {
    items: 1,
    hits: 2,
    misses: 6,
    stale: 5,
    evictions: 1,
    expirations: 0,
  });
  assert.deepEqual(by_type.other, { items: 1, hits: 1, misses: 0, stale: 0, evictions: 0, expirations: 0 });
  assert.deepEqual(by_type.min_rate, {
    items: 1,
    hits: 0,
    misses: 0,
    stale: 0,
    evictions: 0,
    expirations: 4,
  });
});

test('a disabled L1 is reported as disabled, and pending values that answered reads as stale', () => {
  const counters = new Counters();
  counters.staleHits[0] = 2;
  const { local } = stats({ counters, memory: undefined, redis: UP, keys: KEYS });
  assert.equal(local.enabled, false);
  assert.equal(local.items, 0);
  assert.equal(local.hit_rate, null);
  assert.deepEqual([local.stale, local.by_type], [2, {}]);
});

test('L2 hits and misses are reported by type, also while Redis is unreachable, and absent in standalone mode', () => {
  const { memory, counters } = filledMemory([]);
  const deps = { counters, memory, keys: undefined };
  assert.equal(stats({ ...deps, redis: UP }).redis?.hit_rate, null);
  counters.l2Hits[0] = 2;
  counters.l2Hits[OTHER] = 1;
  counters.misses[0] = 6;
  for (const redis of [UP, GONE]) {
    const { by_type, ...all } = stats({ ...deps, redis }).redis!;
    assert.deepEqual(all, { hits: 3, misses: 6, hit_rate: 0.3333 });
    assert.deepEqual(Object.keys(by_type), TYPES);
    assert.deepEqual(by_type.borrow_rate, { hits: 2, misses: 6 });
    assert.deepEqual(by_type.other, { hits: 1, misses: 0 });
  }
  assert.equal('redis' in stats({ ...deps, redis: undefined }), false);
});

test('requests and flights sum both tiers, and a hit rate without reads is null', () => {
  const { memory, counters } = filledMemory([]);
  assert.equal(stats({ counters, memory, redis: UP, keys: KEYS }).requests.get.hit_rate, null);
  counters.l1Hits[0] = 5;
  counters.l2Hits[1] = 2;
  counters.staleHits[2] = 2;
  counters.misses[3] = 1;
  counters.getErrors = 3;
  counters.setHits = 4;
  counters.setMisses = 5;
  counters.deleteErrors = 6;
  counters.joinedFlights = 7;
  counters.fencedFlights = 8;
  const body = stats({ counters, memory, redis: UP, keys: KEYS });
  assert.deepEqual(body.requests, {
    get: { hit: 9, miss: 1, error: 3, hit_rate: 0.9 },
    set: { hit: 4, miss: 5, error: 0 },
    delete: { hit: 0, miss: 0, error: 6 },
  });
  assert.deepEqual(body.flights, { joined: 7, fenced: 8 });
});

test('the CPU time and the delay of the event loop are those of the process', () => {
  const { memory, counters } = filledMemory([]);
  assert.deepEqual(stats({ counters, memory, redis: UP, keys: KEYS }).process, PROCESS);
});

test('pending writes are reported as in /health, and absent when they are disabled', () => {
  const { memory, counters } = filledMemory([]);
  const deps = { counters, memory, redis: GONE, keys: undefined };
  const pendingWrites = new PendingWrites({ maxEntries: 10, maxBytes: 1000 });
  assert.deepEqual(stats({ ...deps, pendingWrites }).pending_writes, {
    entries: 0,
    bytes: 0,
    oldest_age_ms: null,
  });
  assert.equal('pending_writes' in stats(deps), false);
});
