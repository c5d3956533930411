import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PendingWrites } from '../../src/cache/pending-writes/pending-writes.ts';
import { health } from '../../src/metrics/health.ts';
import type { RedisStatus } from '../../src/redis/info.ts';
import { filledMemory, GONE, UP } from './deps.ts';

const ADDON = { version: '20', package: 'pack@20', sha256: 'ab'.repeat(32) };

test('the body is the sample of the runbook plus mode, version and coherence when Redis and L1 are up', () => {
  const { memory } = filledMemory(['borrow_rate:AAPL', 'volatility:AAPL']);
  const { serving, body } = health({
    version: '1.2.3',
    addon: ADDON,
    memory,
    redis: UP,
    coherence: 'coherent',
  });
  assert.equal(serving, true);
  assert.deepEqual(body, {
    status: 'healthy',
    reasons: [],
    warnings: [],
    mode: 'redis',
    version: '1.2.3',
    addon: ADDON,
    coherence: 'coherent',
    redis: {
      connected: true,
      response_time_ms: 2.45,
      server_info: {
        redis_version: '7.0.5',
        uptime_in_seconds: 1234567,
        connected_clients: 42,
        used_memory_human: '1.20G',
      },
      breaker: 'closed',
    },
    local_cache: { status: 'healthy', items: 2, memory_bytes: memory.bytes },
  });
});

test('the service is degraded, gives the reason and still serves without Redis', () => {
  const { memory } = filledMemory([]);
  const { serving, body } = health({
    version: '1.2.3',
    addon: ADDON,
    memory,
    redis: GONE,
    coherence: 'blind',
  });
  assert.equal(serving, true);
  assert.equal(body.status, 'degraded');
  assert.deepEqual(body.redis, {
    connected: false,
    response_time_ms: null,
    server_info: {},
    breaker: 'closed',
    error: 'not connected to Redis: connect ECONNREFUSED 127.0.0.1:6379',
  });
});

test('standalone mode is healthy, and reports Redis as not configured', () => {
  const { memory } = filledMemory([]);
  const { serving, body } = health({
    version: '1.2.3',
    addon: ADDON,
    memory,
    redis: undefined,
    coherence: 'off',
  });
  assert.equal(serving, true);
  assert.equal(body.status, 'healthy');
  assert.equal(body.mode, 'standalone');
  assert.deepEqual(body.redis, {
    connected: false,
    response_time_ms: null,
    server_info: {},
    error: 'standalone: no Redis is configured',
  });
});

test('without L1 the service lives by Redis alone', () => {
  const of = (redis: RedisStatus) =>
    health({ version: '1.2.3', addon: ADDON, memory: undefined, redis, coherence: 'off' });
  assert.equal(of(UP).serving, true);
  assert.equal(of(UP).body.status, 'healthy');
  assert.deepEqual(of(UP).body.local_cache, { status: 'disabled', items: 0, memory_bytes: 0 });
  assert.equal(of(GONE).serving, false);
  assert.equal(of(GONE).body.status, 'unhealthy');
});

test('pending writes are reported with their size and the age of the oldest, null without one', (t) => {
  const now = t.mock.method(performance, 'now', () => 1000);
  const { memory } = filledMemory([]);
  const pendingWrites = new PendingWrites({ maxEntries: 10, maxBytes: 1000 });
  const of = () =>
    health({ version: '1.2.3', addon: ADDON, memory, redis: GONE, coherence: 'blind', pendingWrites }).body
      .pending_writes;
  assert.deepEqual(of(), { entries: 0, bytes: 0, oldest_age_ms: null });
  pendingWrites.put({ key: 'k', version: '0'.repeat(24), entry: undefined });
  now.mock.mockImplementation(() => 6000);
  assert.deepEqual(of(), { entries: 1, bytes: pendingWrites.bytes, oldest_age_ms: 5000 });
});

test('each lost guarantee makes the service degraded, and is listed as a reason', () => {
  const { memory } = filledMemory([]);
  const coherent = { version: '1.2.3', addon: ADDON, memory, redis: UP, coherence: 'coherent' } as const;
  const reasonsOf = (change: Partial<Parameters<typeof health>[0]>) => {
    const { body } = health({ ...coherent, ...change });
    assert.equal(body.status, body.reasons.length === 0 ? 'healthy' : 'degraded');
    return body.reasons;
  };
  assert.deepEqual(reasonsOf({}), []);
  assert.match(
    reasonsOf({ redis: { ...UP, replica: true } }).join(),
    /^Redis is a replica: writes are pending/,
  );
  assert.match(reasonsOf({ breakerOpen: true }).join(), /^The circuit breaker is open/);
  assert.match(
    reasonsOf({ coherence: 'degraded' }).join(),
    /^The invalidation link is down: .*subscribers miss changes/,
  );
  assert.match(
    reasonsOf({ coherence: 'degraded', linkFault: 'connect ECONNREFUSED 127.0.0.1:6379' }).join(),
    /^The invalidation link is down \(connect ECONNREFUSED 127\.0\.0\.1:6379\): /,
  );
  assert.match(
    reasonsOf({ clockOffsetMs: -5001 }).join(),
    /^The clock of this machine differs .* by -5001 ms/,
  );
  assert.deepEqual(reasonsOf({ clockOffsetMs: 5000 }), []);
  assert.equal(reasonsOf({ breakerOpen: true, redis: GONE, coherence: 'blind' }).length, 3);
});

test('dead sources are a warning, which does not change the status', () => {
  const { memory } = filledMemory([]);
  const of = (change: Partial<Parameters<typeof health>[0]>) =>
    health({ version: '1', addon: ADDON, memory, redis: UP, coherence: 'coherent', ...change }).body;
  assert.deepEqual(of({ deadSources: 0 }).warnings, []);
  const { status, reasons, warnings } = of({ deadSources: 1 });
  assert.deepEqual([status, reasons], ['healthy', []]);
  assert.match(warnings.join(), /^1 source is dead: .* suspect\. "ratecache sources" lists them$/);
  assert.match(
    of({ deadSources: 2, redis: GONE, coherence: 'blind' }).warnings.join(),
    /^2 sources are dead: .* suspect\. Heartbeats need Redis$/,
  );
});

test('a late event loop is a warning from half of the delay on at which requests are shed', () => {
  const { memory } = filledMemory([]);
  const of = (delayMs: number, limitMs = 200) => {
    const loop = { delayMs, limitMs };
    return health({ version: '1', addon: ADDON, memory, redis: UP, coherence: 'coherent', loop }).body;
  };
  assert.deepEqual(of(100).warnings, []);
  const { status, reasons, warnings } = of(100.6);
  assert.deepEqual([status, reasons, warnings.length], ['healthy', [], 1]);
  assert.match(
    warnings[0]!,
    /^The event loop is 101 ms late: above 200 ms, only L1 hits will be answered\. If "ratecache top" shows .* 100 %, add replicas/,
  );
  assert.match(of(201).warnings[0]!, /^The event loop is 201 ms late: only L1 hits are answered\. If /);
  assert.deepEqual(of(60_000, 0).warnings, [], 'OVERLOAD_LOOP_DELAY_MS=0 sheds nothing');
});

test('an open circuit breaker shows next to a Redis that answers slowly', () => {
  const { memory } = filledMemory([]);
  const { body } = health({
    version: '1',
    addon: ADDON,
    memory,
    redis: UP,
    coherence: 'coherent',
    breakerOpen: true,
  });
  assert.equal(body.redis.connected, true);
  assert.equal(body.redis.breaker, 'open');
});
