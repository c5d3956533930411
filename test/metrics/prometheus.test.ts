import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { PendingWrites } from '../../src/cache/pending-writes/pending-writes.ts';
import { TYPES } from '../../src/key.ts';
import { LATENCY_BOUNDS_SECONDS } from '../../src/metrics/histogram.ts';
import { createRegistry, type MetricsDeps } from '../../src/metrics/prometheus.ts';
import { RedisInfo } from '../../src/redis/info.ts';
import { KeyCounter } from '../../src/redis/key-counter.ts';
import { startConnected } from '../support/redis-connection.ts';
import { GONE, setUp } from './deps.ts';

test('every metric of the runbook is exported with its type and labels', async () => {
  const { types, samples } = await scrape(setUp().deps);
  const labelled = (name: string, label: string) => [
    ...new Set(samples.filter((sample) => sample.name === name).map(({ labels }) => labels[label])),
  ];

  assert.equal(types.get('cache_service_requests_total'), 'counter');
  assert.deepEqual(labelled('cache_service_requests_total', 'operation'), ['get', 'set', 'delete']);
  assert.deepEqual(labelled('cache_service_requests_total', 'status'), ['hit', 'miss', 'error']);
  assert.equal(types.get('cache_service_request_duration_seconds'), 'histogram');
  assert.deepEqual(labelled('cache_service_request_duration_seconds_count', 'operation'), [
    'get',
    'set',
    'delete',
  ]);
  assert.equal(types.get('cache_service_size'), 'gauge');
  assert.deepEqual(labelled('cache_service_size', 'cache'), ['local', 'redis']);
  assert.deepEqual(labelled('cache_service_size', 'type'), [...TYPES]);
  assert.equal(types.get('redis_response_time_seconds'), 'histogram');
  assert.equal(types.get('redis_connection_count'), 'gauge');
  assert.equal(types.get('redis_error_total'), 'counter');
  assert.equal(types.get('service_health_status'), 'gauge');
  assert.deepEqual(labelled('service_health_status', 'component'), ['redis', 'local_cache']);
});

test('a scrape exports the current request counters', async () => {
  const { deps, counters } = setUp();
  const { metrics } = createRegistry(deps);
  await metrics();
  counters.l1Hits[0] = 5;
  counters.l2Hits[1] = 2;
  counters.staleHits[2] = 2;
  counters.misses[3] = 1;
  counters.getErrors = 3;
  counters.setHits = 4;
  counters.setMisses = 6;
  counters.deleteMisses = 7;
  const { value } = read(await metrics());
  const requests = (operation: string, status: string) =>
    value('cache_service_requests_total', { operation, status });
  assert.equal(requests('get', 'hit'), 9);
  assert.equal(requests('get', 'miss'), 1);
  assert.equal(requests('get', 'error'), 3);
  assert.equal(requests('set', 'hit'), 4);
  assert.equal(requests('set', 'miss'), 6);
  assert.equal(requests('delete', 'hit'), 0);
  assert.equal(requests('delete', 'miss'), 7);
});

test('lookups are counted by tier, type and result', async () => {
  const { deps, counters } = setUp();
  counters.l1Hits[0] = 1;
  counters.l1Misses[1] = 2;
  counters.staleHits[2] = 3;
  counters.l2Hits[3] = 4;
  counters.misses[6] = 5;
  const { value } = await scrape(deps);
  const lookups = (cache: string, type: string, result: string) =>
    value('cache_service_lookups_total', { cache, type, result });
  assert.equal(lookups('local', 'borrow_rate', 'hit'), 1);
  assert.equal(lookups('local', 'volatility', 'miss'), 2);
  assert.equal(lookups('local', 'event_risk', 'stale'), 3);
  assert.equal(lookups('redis', 'broker_config', 'hit'), 4);
  assert.equal(lookups('redis', 'other', 'miss'), 5);
});

test('a histogram is cumulative, ends in +Inf, and has 50 and 100 ms among its bounds', async () => {
  const { deps, counters } = setUp();
  counters.getSeconds.observe(0.000004, 64);
  counters.getSeconds.observe(0.05);
  counters.getSeconds.observe(0.050001);
  counters.getSeconds.observe(99);
  const { value, samples } = await scrape(deps);
  const name = 'cache_service_request_duration_seconds';
  const below = (le: string) => value(`${name}_bucket`, { operation: 'get', le });
  assert.equal(below('0.000005'), 64);
  assert.equal(below('0.05'), 65);
  assert.equal(below('0.1'), 66);
  assert.equal(below('2.5'), 66);
  assert.equal(below('+Inf'), 67);
  assert.equal(value(`${name}_count`, { operation: 'get' }), 67);
  assert.equal(value(`${name}_sum`, { operation: 'get' }), 0.000004 * 64 + 0.05 + 0.050001 + 99);
  const buckets = samples.filter((s) => s.name === `${name}_bucket` && s.labels.operation === 'get');
  assert.deepEqual(
    buckets.map(({ labels }) => labels.le),
    [...LATENCY_BOUNDS_SECONDS.map(String), '+Inf'],
  );
});

test('L1 exports its sizes, limits, evictions and expirations', async () => {
  const { value } = await scrape(setUp().deps);
  assert.equal(value('cache_service_size', { cache: 'local', type: 'borrow_rate' }), 1);
  assert.equal(value('cache_service_size', { cache: 'local', type: 'other' }), 1);
  assert.equal(value('cache_service_max_size', { cache: 'local' }), 3);
  assert.ok(value('cache_service_memory_bytes', { cache: 'local' })! > 600);
  assert.equal(value('cache_service_evictions_total', { cache: 'local', type: 'borrow_rate' }), 1);
  assert.equal(value('cache_service_expirations_total', { cache: 'local', type: 'borrow_rate' }), 0);
});

test('memory, connections, keys and commands of Redis are exported', async () => {
  const { value } = await scrape(setUp().deps);
  assert.equal(value('cache_service_size', { cache: 'redis', type: 'min_rate' }), 6);
  assert.equal(value('service_health_status', { component: 'redis' }), 1);
  assert.equal(value('redis_connection_count'), 3);
  assert.equal(value('redis_connections_max'), 100);
  assert.equal(value('redis_memory_used_bytes'), 1_288_490_188);
  assert.equal(value('redis_memory_max_bytes'), 0);
  assert.equal(value('redis_connected_clients'), 42);
  assert.equal(value('redis_max_clients'), 10_000);
  assert.equal(value('redis_evicted_keys_total'), 7);
  assert.equal(value('redis_expired_keys_total'), 8);
  assert.equal(value('redis_commands_total', { command: 'mget' }), 11);
  assert.equal(value('redis_commands_duration_seconds_total', { command: 'mget' }), 0.5);
});

test('each known error reason has a series before its first error, and an unknown reason gets one', async () => {
  const { deps, counters } = setUp();
  counters.countRedisError('timeout');
  counters.countRedisError('novel "one"\n');
  const { samples } = await scrape(deps);
  assert.deepEqual(
    samples
      .filter(({ name }) => name === 'redis_error_total')
      .map(({ labels, value }) => [labels.reason, value]),
    [
      ['connection', 0],
      ['unavailable', 0],
      ['timeout', 1],
      ['rejected', 0],
      ['novel \\"one\\"\\n', 1],
    ],
  );
});

test('an unreachable Redis is unhealthy, and its own metrics have no values', async () => {
  const { deps } = setUp();
  const redis = { ...deps.redis!, info: { status: async () => GONE } };
  const { value, samples } = await scrape({ ...deps, redis });
  assert.equal(value('service_health_status', { component: 'redis' }), 0);
  assert.equal(value('service_health_status', { component: 'local_cache' }), 1);
  assert.equal(value('redis_memory_used_bytes'), undefined);
  assert.equal(value('redis_connection_count'), 3);
  assert.deepEqual(
    samples.filter(({ name, labels }) => name === 'cache_service_size' && labels.cache === 'redis'),
    [],
  );
});

test('standalone mode exports no Redis metrics', async () => {
  const { deps } = setUp();
  const faults = { ...deps.faults, breakerOpen: undefined };
  const { value, samples } = await scrape({ ...deps, redis: undefined, faults });
  assert.equal(value('service_health_status', { component: 'local_cache' }), 1);
  assert.deepEqual(
    samples.filter(({ name, labels }) => name.startsWith('redis_') || labels.cache === 'redis'),
    [],
  );
});

test('pending writes export size and age, the circuit breaker is 1 while open, and delays are in seconds', async (t) => {
  const now = t.mock.method(performance, 'now', () => 1000);
  const { deps, counters } = setUp();
  const pendingWrites = new PendingWrites({ maxEntries: 10, maxBytes: 1000 });
  let open = false;
  const faults = {
    counters,
    pendingWrites,
    clockOffsetMs: () => -1500,
    breakerOpen: () => open,
    loopDelayMs: () => 250,
  };
  const { metrics } = createRegistry({ ...deps, faults });
  const empty = read(await metrics());
  for (const name of ['', '_bytes', '_oldest_age_seconds'])
    assert.equal(empty.value(`cache_pending_writes${name}`), 0, name);
  assert.equal(empty.value('redis_breaker_open'), 0);
  assert.equal(empty.value('ratecache_event_loop_delay_seconds'), 0.25);
  assert.equal(empty.value('cache_clock_offset_seconds'), -1.5);

  pendingWrites.put({ key: 'k', version: '0'.repeat(24), entry: undefined });
  now.mock.mockImplementation(() => 6000);
  open = true;
  counters.postponed = 4;
  counters.supersededChanges = 3;
  counters.shed = 5;
  const { value, types } = read(await metrics());
  assert.equal(value('cache_pending_writes'), 1);
  assert.equal(value('cache_pending_writes_bytes'), pendingWrites.bytes);
  assert.equal(value('cache_pending_writes_max'), 10);
  assert.equal(value('cache_pending_writes_max_bytes'), 1000);
  assert.equal(value('cache_pending_writes_oldest_age_seconds'), 5);
  assert.equal(value('redis_breaker_open'), 1);
  assert.equal(value('ratecache_postponed_changes_total'), 4);
  assert.equal(value('ratecache_superseded_changes_total'), 3);
  assert.equal(value('ratecache_shed_requests_total'), 5);
  assert.equal(types.get('cache_pending_writes'), 'gauge');
  assert.equal(types.get('ratecache_shed_requests_total'), 'counter');
});

test('no metric of pending writes is exported when they are disabled', async () => {
  const { samples } = await scrape(setUp().deps);
  assert.deepEqual(
    samples.filter(({ name }) => name.startsWith('cache_pending_writes_')),
    [],
  );
});

test('no metric of L1 is exported when L1 is disabled', async () => {
  const { samples } = await scrape({ ...setUp().deps, memory: undefined });
  assert.deepEqual(
    samples.filter(({ labels }) => labels.cache === 'local' || labels.component === 'local_cache'),
    [],
  );
});

test('without cache statistics only the cache_service_* metrics are absent, and keys are not counted', async () => {
  const { deps } = setUp();
  const keyCounter = {
    latest: (): never => {
      throw new Error('counted');
    },
  };
  const redis = { ...deps.redis!, keyCounter };
  const { types } = await scrape({ ...deps, redis, statsEnabled: false });
  assert.deepEqual(
    [...types.keys()].filter((name) => name.startsWith('cache_service_')),
    [],
  );
  for (const name of ['redis_response_time_seconds', 'service_health_status', 'process_cpu_seconds_total'])
    assert.ok(types.has(name), name);
});

test('answers, open requests and build of the service are exported', async () => {
  const { deps, counters } = setUp();
  counters.httpResponses[2] = 5;
  counters.httpResponses[4] = 1;
  counters.httpAborted = 2;
  counters.unreadableValues = 3;
  counters.outdatedDependents = 7;
  counters.joinedFlights = 4;
  counters.fencedFlights = 6;
  const { value } = await scrape(deps);
  assert.equal(value('ratecache_http_responses_total', { class: '2xx' }), 5);
  assert.equal(value('ratecache_http_responses_total', { class: '4xx' }), 1);
  assert.equal(value('ratecache_http_responses_total', { class: '5xx' }), 0);
  assert.equal(value('ratecache_http_aborted_total'), 2);
  assert.equal(value('ratecache_http_open_requests'), 17);
  assert.equal(value('ratecache_tls_certificate_expiry_timestamp_seconds'), 1.5);
  assert.equal(value('ratecache_build_info', { version: '1.2.3', node: process.version }), 1);
  assert.equal(value('cache_service_unreadable_values_total'), 3);
  assert.equal(value('cache_service_outdated_dependents_total'), 7);
  assert.equal(value('cache_service_flights_joined_total'), 4);
  assert.equal(value('cache_service_flights_fenced_total'), 6);
});

test('memory, CPU time, event loop lag and garbage collection of the process are exported', async () => {
  const { types, value } = await scrape(setUp().deps);
  assert.ok(value('process_resident_memory_bytes')! > 1e7);
  assert.ok(value('process_cpu_seconds_total')! > 0);
  assert.ok(types.has('nodejs_eventloop_lag_p99_seconds'));
  assert.equal(types.get('nodejs_gc_duration_seconds'), 'histogram');
});

test('the content type is the Prometheus text format', () => {
  assert.equal(createRegistry(setUp().deps).contentType, 'text/plain; version=0.0.4; charset=utf-8');
});

test('scrapes within one second query Redis once, and export its keys as soon as they are counted', async (t) => {
  const { server, redis: connection, counters } = await startConnected(t, { args: ['--maxmemory', '64mb'] });
  await connection.set('p:borrow_rate:AAPL', '1');
  const { deps } = setUp(counters);
  const { metrics } = createRegistry({
    ...deps,
    redis: {
      info: new RedisInfo(connection, counters, { now: () => 0, timeoutMs: 30_000 }),
      keyCounter: new KeyCounter({ redis: connection, counters, keyPrefix: 'p:' }, { maxAgeMs: 10_000 }),
      connections: () => 1,
      maxConnections: 100,
    },
  });
  const infos = async () =>
    Number(/cmdstat_info:calls=(\d+)/.exec(await server.cli('INFO', 'commandstats'))![1]);
  const before = await infos();
  const size = { cache: 'redis', type: 'borrow_rate' };
  await until(async () => read(await metrics()).value('cache_service_size', size) === 1);
  const { value } = read(await metrics());
  assert.equal(value('redis_memory_max_bytes'), 64 * 1024 * 1024);
  assert.ok(value('redis_response_time_seconds_count')! >= 2);
  // INFO and INFO commandstats, and the one that counted before.
  assert.equal((await infos()) - before, 3);
});

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Scrape {
  /** By the name of the metric. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
  /** Of the sample with exactly these labels. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

async function scrape(deps: MetricsDeps): Promise<Scrape> {
  return read(await createRegistry(deps).metrics());
}

function read(text: string): Scrape {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) types.set(type[1]!, type[2]!);
    const sample = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample === null) continue;
    const labels = [...(sample[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
    samples.push({
      name: sample[1]!,
      labels: Object.fromEntries(labels.map(([, name, value]) => [name!, value!])),
      value: Number(sample[3]),
    });
  }
  const identity = (labels: Sample['labels']) => JSON.stringify(Object.entries(labels).sort());
  const value: Scrape['value'] = (name, labels = {}) =>
    samples.find((one) => one.name === name && identity(one.labels) === identity(labels))?.value;
  return { types, samples, value };
}
