import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import {
  freePort,
  type RedisOptions,
  type RedisServer,
  startRedis,
} from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis } from '../../loadtest/target/replicas.ts';
import { type LogLine, type Service, startService } from '../../loadtest/target/service.ts';
import { cacheStatus } from '../support/cache-status.ts';
import { del, get, jsonOf, post, put } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { assertProblem } from '../support/problem.ts';
import { openConnection } from '../support/redis-connection.ts';
import { redisFor, replicaFor } from '../support/services.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { whileFrozen } from '../support/while-frozen.ts';

// A service and its Redis run as separate processes while Redis fails in many ways.
// No verdict depends on the speed of the machine: durations are only diagnostics.

const PREFIX = 'borrow_rate_engine:';
/** The limit for recovery: pauses between attempts to connect grow with the length of the outage. */
const RECOVERY = { timeoutMs: 60_000, everyMs: 25 };

test('a service starts without Redis, accepts pending writes, and connects when Redis starts', async (t) => {
  const port = await freePort();
  const where = { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(port), REDIS_PASSWORD: '' };
  const [easy, strict] = await Promise.all([
    serve(t, { ...where, ...PATIENT }),
    serve(t, { ...where, ...PATIENT, READY_REQUIRES_REDIS: 'true' }),
  ]);
  assert.equal(await statusOf(easy, '/readyz'), 200);
  assert.equal(await statusOf(strict, '/readyz'), 503);
  assert.equal(await statusOf(easy, '/health'), 200);
  assert.equal((await put(easy, 'start:A', '"kept"')).status, 202);
  assert.equal(await (await get(easy, 'start:A')).text(), '"kept"');
  const miss = await get(easy, 'start:NONE');
  assert.equal(cacheStatus(miss.headers.get('cache-status')).at(-1)!.detail, 'l2-unavailable');
  assert.match(await assertProblem(miss, 'cache_unknown'), /Redis was not used/);

  const redis = await startRedis({ port });
  t.after(() => redis.stop());
  await until(async () => (await redis.cli('EXISTS', `${PREFIX}start:A`)) === '1', RECOVERY);
  await until(async () => (await statusOf(strict, '/readyz')) === 200, RECOVERY);
  assert.equal(await (await get(strict, 'start:A')).text(), '"kept"');
  assert.equal(await statusOf(easy, '/readyz'), 200);
});

test('while Redis is frozen, no read or write fails, and pending writes are applied afterwards', async (t) => {
  const redis = await redisFor(t);
  const env = { REDIS_COMMAND_TIMEOUT_MS: '100', LOCAL_CACHE_TTL: '1' };
  const one = await replicaFor(t, redis, env);
  const two = await replicaFor(t, redis);
  assert.equal((await put(two, 'frozen:HELD', '"held"')).status, 201);
  assert.equal((await put(two, 'frozen:OLD', '"old"')).status, 201);
  const shortAt = performance.now();
  assert.equal((await put(two, 'frozen:SHORT', '"short"', { query: '?ttl=8' })).status, 201);
  await keep(one, ['frozen:HELD', 'frozen:SHORT']);

  await whileFrozen(redis, async () => {
    const reads = await readRounds(one, ['frozen:HELD', 'frozen:NOWHERE'], 100);
    t.diagnostic(`slowest of ${reads.length} reads: ${Math.round(slowest(reads))} ms`);
    assertAnswered(reads);
    assert.ok(reads.every(({ key, status }) => status === (key === 'frozen:HELD' ? 200 : 404)));

    assert.equal((await put(one, 'frozen:NEW', '"new"')).status, 202);
    assert.equal((await put(one, 'frozen:OLD', '"newer"')).status, 202);
    assert.equal((await del(one, 'frozen:HELD')).status, 202);
    assert.equal(await (await get(one, 'frozen:OLD')).text(), '"newer"');
    assert.equal(await statusOf(one, '/v1/cache/frozen:HELD'), 404);
    const { results } = await jsonOf(
      await post(one, '/v1/mset', { entries: [{ key: 'frozen:BATCH', value: 1 }] }),
    );
    assert.equal(results[0].status, 'stored');
    assert.match(results[0].code, /^(l2_unavailable|write_unknown)$/);
    assert.equal((await jsonOf(await one.fetch('/health'))).pending_writes.entries, 4);
    assert.equal((await jsonOf(await one.fetch('/stats'))).pending_writes.entries, 4);
    assert.equal(await sample(one, 'cache_pending_writes'), 4);

    // The circuit breaker is open by now: no read waits for Redis.
    await until(async () => (await sample(one, 'redis_breaker_open')) === 1);
    for (let i = 0; i < 100; i++) {
      const miss = await get(one, 'frozen:NOWHERE');
      assert.equal(cacheStatus(miss.headers.get('cache-status')).at(-1)!.detail, 'l2-unavailable');
      assert.match(await assertProblem(miss, 'cache_unknown'), /Redis was not used/);
    }
    // L1 serves a stale entry until the entry expires, because Redis cannot be read.
    const stale = await get(one, 'frozen:SHORT');
    if (stale.status === 200) assert.ok(Number(cacheStatus(stale.headers.get('cache-status'))[0]!.ttl) <= 1);
    else assert.ok(performance.now() - shortAt > 7_900);
    await until(async () => (await statusOf(one, '/v1/cache/frozen:SHORT')) === 404);
    assert.ok((await sample(one, 'redis_error_total{reason="timeout"}'))! > 0);
    assert.ok((await sample(one, 'ratecache_postponed_changes_total'))! >= 4);
  });

  const thawed = performance.now();
  await until(async () => (await (await get(two, 'frozen:NEW')).text()) === '"new"', RECOVERY);
  await until(async () => (await (await get(two, 'frozen:OLD')).text()) === '"newer"', RECOVERY);
  await until(async () => (await statusOf(two, '/v1/cache/frozen:HELD')) === 404, RECOVERY);
  await until(async () => (await statusOf(two, '/v1/cache/frozen:BATCH')) === 200, RECOVERY);
  t.diagnostic(`pending writes were applied ${Math.round(performance.now() - thawed)} ms after the thaw`);
  await until(async () => (await sample(one, 'cache_pending_writes')) === 0, RECOVERY);
  await until(async () => (await sample(one, 'redis_breaker_open')) === 0, RECOVERY);
  // Each outage logs its start and its end, not every request. A busy machine may cause several outages.
  const logged = one.logs.filter(({ kind }) => kind === 'timeout').map(({ msg }) => msg);
  assert.ok(logged.length > 0);
  for (const [i, msg] of logged.entries())
    assert.equal(msg, i % 2 === 0 ? 'Redis errors started' : 'Redis errors stopped');
});

for (const rewarm of [false, true]) {
  test(`a Redis that restarts empty ${rewarm ? 'is refilled from L1 with CACHE_REWARM_ON_DATA_LOSS' : 'is not refilled from L1 by default'}`, async (t) => {
    const redis = await redisFor(t);
    const filler = await replicaFor(t, redis);
    for (let i = 0; i < 20; i++) assert.equal((await put(filler, `min_rate:${i}`, String(i))).status, 201);
    await filler.stop();
    const service = await replicaFor(t, redis, { CACHE_REWARM_ON_DATA_LOSS: String(rewarm) });
    await keep(
      service,
      Array.from({ length: 20 }, (_, i) => `min_rate:${i}`),
    );
    await redis.signal('SIGKILL');
    const reads = await readRounds(service, ['min_rate:1', 'min_rate:NONE'], 20);
    assertAnswered(reads);
    assert.ok(reads.every(({ key, status }) => status === (key === 'min_rate:1' ? 200 : 404)));
    assert.equal((await put(service, 'min_rate:1', '"meanwhile"')).status, 202);

    await redis.restart();
    await reachesRedis(service);
    await until(async () => (await redis.cli('GET', `${PREFIX}min_rate:1`)).includes('meanwhile'), RECOVERY);
    if (rewarm) {
      await until(async () => (await redis.cli('EXISTS', ...nineteen)) === '19', RECOVERY);
      const back = await get(service, 'min_rate:7');
      assert.equal(await back.text(), '7');
      assert.equal(
        await redis.cli('PTTL', `${PREFIX}min_rate:7`).then((ms) => Number(ms) > 80_000_000),
        true,
      );
    } else {
      assert.equal(await redis.cli('EXISTS', ...nineteen), '0');
      assert.equal(await statusOf(service, '/v1/cache/min_rate:7'), 404);
      assert.equal((await put(service, 'min_rate:7', '"again"')).status, 201);
    }
    await keep(service, ['min_rate:7']);
  });
}
const nineteen = Array.from({ length: 20 }, (_, i) => `${PREFIX}min_rate:${i}`).filter(
  (key) => !key.endsWith(':1'),
);

interface Fault {
  readonly symptom: string;
  /** The reason in `redis_error_total` and the kind in the log. */
  readonly kind: string;
  readonly options?: RedisOptions;
  readonly begin: (redis: RedisServer, control: Redis) => Promise<unknown>;
  readonly end: (redis: RedisServer, control: Redis) => Promise<unknown>;
}

const FAULTS: readonly Fault[] = [
  {
    symptom: 'is full',
    kind: 'oom',
    begin: (_redis, control) => control.config('SET', 'maxmemory', '1'),
    end: (_redis, control) => control.config('SET', 'maxmemory', '0'),
  },
  {
    symptom: 'has become a replica',
    kind: 'readonly',
    begin: (_redis, control) => control.replicaof('127.0.0.1', 1),
    end: (_redis, control) => control.replicaof('NO', 'ONE'),
  },
  {
    symptom: 'requires another password',
    kind: 'connection',
    begin: async (_redis, control) => {
      await control.config('SET', 'requirepass', 'other');
      await killOthers(control);
    },
    end: (_redis, control) => control.config('SET', 'requirepass', ''),
  },
  {
    symptom: 'forbids SET by ACL',
    kind: 'noperm',
    begin: (redis) => redis.cli('ACL', 'SETUSER', 'default', '-set'),
    end: (redis) => redis.cli('ACL', 'SETUSER', 'default', '+set'),
  },
  {
    symptom: 'forbids scripts by ACL',
    kind: 'noperm',
    begin: (redis) => redis.cli('ACL', 'SETUSER', 'default', '-evalsha', '-eval'),
    end: (redis) => redis.cli('ACL', 'SETUSER', 'default', '+evalsha', '+eval'),
  },
  {
    symptom: 'runs a script that does not end',
    kind: 'busy',
    options: { args: ['--lua-time-limit', '100'] },
    begin: async (redis, control) => {
      redis.cli('EVAL', 'while true do end', '0').catch(() => {});
      await until(() =>
        control.ping().then(
          () => false,
          (error: Error) => error.message.startsWith('BUSY'),
        ),
      );
    },
    end: (_redis, control) => control.script('KILL'),
  },
  {
    symptom: 'has reached maxclients',
    kind: 'connection',
    begin: async (_redis, control) => {
      await control.config('SET', 'maxclients', '1');
      await killOthers(control);
    },
    end: (_redis, control) => control.config('SET', 'maxclients', '1000'),
  },
];

// Most of the time of each test is the wait until errors count as stopped.
describe('during a fault, reads are answered and writes are pending', { concurrency: true }, () => {
  for (const { symptom, kind, options, begin, end } of FAULTS) {
    test(`while Redis ${symptom}, reads are answered, writes are pending, and the log has its start and its end`, async (t) => {
      const redis = await redisFor(t, options);
      const { redis: control } = openConnection(t, redis);
      const service = await replicaFor(t, redis);
      await put(service, 'fault:HELD', '"held"');
      await keep(service, ['fault:HELD']);
      await until(() => control.ping());
      const reason = `redis_error_total{reason="${kind}"}`;
      const before = (await sample(service, reason)) ?? 0;

      await begin(redis, control);
      // A write on a connection that has just broken may have had no answer.
      await until(async () => (await put(service, 'fault:FIRST', '"first"')).status === 202, RECOVERY);
      assert.equal((await put(service, 'fault:KEPT', '"kept"')).status, 202);
      assert.equal(await (await get(service, 'fault:KEPT')).text(), '"kept"');
      const condition = { headers: { 'if-none-match': '*' } };
      await assertProblem(await put(service, 'fault:KEPT', '"other"', condition), 'l2_unavailable');
      const reads = await readRounds(service, ['fault:HELD', 'fault:NOWHERE'], 50);
      t.diagnostic(`slowest of ${reads.length} reads: ${Math.round(slowest(reads))} ms`);
      assertAnswered(reads);
      assert.ok(reads.every(({ key, status }) => status === (key === 'fault:HELD' ? 200 : 404)));
      await until(async () => ((await sample(service, reason)) ?? 0) > before);
      await until(() => lines(service, 'Redis errors started', kind).length > 0, RECOVERY);

      await end(redis, control);
      await until(async () => (await redis.cli('EXISTS', `${PREFIX}fault:KEPT`)) === '1', RECOVERY);
      await until(async () => (await sample(service, 'cache_pending_writes')) === 0, RECOVERY);
      await reachesRedis(service);
      // The fault ends after Redis has answered commands for a while.
      await until(async () => {
        await (await get(service, `fault:${Math.random()}`)).text();
        return lines(service, 'Redis errors stopped', kind).length > 0;
      }, RECOVERY);
      assert.equal(lines(service, 'Redis errors started', kind).length, 1);
      assert.equal(lines(service, 'Redis errors stopped', kind).length, 1);
      assert.ok(service.logs.length < 60, `${service.logs.length} lines for over 100 requests`);
      assert.equal((await put(service, 'fault:KEPT', '"after"')).status, 204);
    });
  }
});

test('while Redis loads its data, reads are answered, and pending writes are applied afterwards', async (t) => {
  // Redis waits at each key, so loading lasts until the test ends it. Redis answers clients meanwhile.
  const redis = await redisFor(t, {
    args: ['--key-load-delay', '2000', '--loading-process-events-interval-bytes', '1024'],
  });
  const service = await replicaFor(t, redis);
  await put(service, 'loading:HELD', '"held"');
  await keep(service, ['loading:HELD']);
  await redis.cli('EVAL', "for i = 1, 20000 do redis.call('SET', 'filling:' .. i, 'x') end", '0');
  await redis.cli('SAVE');
  await redis.signal('SIGKILL');
  const loaded = redis.restart();
  await until(async () => (await redis.cli('PING').catch(String)).includes('LOADING'));
  assert.equal((await put(service, 'loading:KEPT', '"kept"')).status, 202);
  const reads = await readRounds(service, ['loading:HELD', 'loading:NOWHERE'], 20);
  assertAnswered(reads);
  assert.ok(reads.every(({ key, status }) => status === (key === 'loading:HELD' ? 200 : 404)));
  assert.match(await redis.cli('INFO', 'persistence'), /^loading:1/m);
  await redis.cli('CONFIG', 'SET', 'key-load-delay', '0');
  await loaded;
  await until(async () => (await redis.cli('EXISTS', `${PREFIX}loading:KEPT`)) === '1', RECOVERY);
  await reachesRedis(service);
  assert.equal(await (await get(service, 'loading:HELD')).text(), '"held"');
});

test('while the event loop is late, changes and L1 misses are rejected with 503, and L1 hits are served', async (t) => {
  const redis = await redisFor(t);
  const service = await replicaFor(t, redis, {
    OVERLOAD_LOOP_DELAY_MS: '20',
    LOCAL_CACHE_TTL: '600',
    LOCAL_CACHE_MAX_SIZE: '5000',
  });
  await until(async () => (await put(service, 'min_rate:HELD', '"held"')).ok);
  await keep(service, ['min_rate:HELD']);
  const value = 'x'.repeat(7000);
  const body = JSON.stringify({
    entries: Array.from({ length: 1000 }, (_, i) => ({ key: `min_rate:${i}`, value })),
  });
  let over = false;
  // Parsing each body delays the event loop. Bodies that arrive meanwhile are rejected.
  const burdens = Array.from({ length: 4 }, async () => {
    while (!over) await (await post(service, '/v1/mset', body)).arrayBuffer();
  });
  const hits: number[] = [];
  try {
    const refused = await until(
      async () => {
        hits.push(await statusOf(service, '/v1/cache/min_rate:HELD'));
        const response = await put(service, 'min_rate:OTHER', '1');
        return response.status === 503 ? response : undefined;
      },
      { everyMs: 0 },
    );
    assert.equal(refused.headers.get('retry-after'), '1');
    await assertProblem(refused, 'overloaded');
    const miss = await until(
      async () => {
        hits.push(await statusOf(service, '/v1/cache/min_rate:HELD'));
        const response = await get(service, `min_rate:${Math.random()}`);
        return response.status === 503 ? response : undefined;
      },
      { everyMs: 0 },
    );
    await assertProblem(miss, 'overloaded');
    assert.ok(
      hits.every((status) => status === 200),
      hits.join(),
    );
    assert.ok((await sample(service, 'ratecache_shed_requests_total'))! >= 2);
  } finally {
    over = true;
    await Promise.all(burdens);
  }
  // The service accepts changes again within seconds.
  await until(async () => (await put(service, 'min_rate:OTHER', '1')).ok, RECOVERY);
});

test('a stopping service applies its pending writes if Redis accepts them', async (t) => {
  const redis = await redisFor(t);
  // Pending writes are retried every second, so they may be applied before the service stops.
  for (let attempt = 1; ; attempt++) {
    const service = await replicaFor(t, redis);
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    const key = `ending:${attempt}`;
    assert.equal((await put(service, key, '"kept"')).status, 202);
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    assert.deepEqual(await service.stop(), { code: 0, signal: null });
    assert.equal(await redis.cli('EXISTS', PREFIX + key), '1');
    assert.ok(!service.logs.some(({ msg }) => msg?.startsWith('pending writes are lost')));
    if (service.logs.some(({ msg }) => msg === 'all pending writes reached Redis')) return;
    assert.ok(attempt < 10, 'no stop applied the pending writes');
  }
});

test('a stopping service applies its pending writes if Redis is reachable again within two seconds', async (t) => {
  const redis = await redisFor(t);
  // On a busy machine, Redis may be reachable too late.
  for (let attempt = 1; ; attempt++) {
    const proxy = await startTcpProxy(redis);
    t.after(() => proxy.close());
    const service = await replicaFor(t, redis, { REDIS_PORT: String(proxy.port) });
    proxy.accept(false);
    proxy.cut();
    // Long enough that the pauses between attempts have grown.
    await until(
      async () => Number(await sample(service, 'redis_error_total{reason="connection"}')) >= 12,
      RECOVERY,
    );
    const keys = ['a', 'b', 'c'].map((name) => `ending:${attempt}:${name}`);
    for (const key of keys) assert.equal((await put(service, key, '1')).status, 202);
    service.kill('SIGTERM');
    await service.waitForLog(({ msg }) => msg?.startsWith('writes are pending') ?? false);
    proxy.accept(true);
    assert.deepEqual(await service.exited, { code: 0, signal: null });
    if (service.logs.some(({ msg }) => msg === 'all pending writes reached Redis')) {
      assert.equal(await redis.cli('EXISTS', ...keys.map((key) => PREFIX + key)), '3');
      return;
    }
    assert.ok(service.logs.some(({ msg }) => msg?.startsWith('pending writes are lost')));
    assert.ok(attempt < 10, 'no stop applied the pending writes');
  }
});

test('a service that stops while Redis is unreachable logs how many pending writes are lost', async (t) => {
  const redis = await redisFor(t);
  const service = await replicaFor(t, redis);
  await redis.signal('SIGKILL');
  for (const key of ['a', 'b', 'c']) assert.equal((await put(service, key, '1')).status, 202);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  const lost = service.logs.find(({ msg }) => msg?.startsWith('pending writes are lost'));
  assert.equal(lost?.changes, 3);
  assert.ok(Number(lost?.bytes) > 0);
});

test('a stopping service does not report its own closed Redis connections as lost', async (t) => {
  const redis = await redisFor(t, { args: ['--maxmemory', '1'] });
  const service = await replicaFor(t, redis);
  assert.equal((await put(service, 'a', '1')).status, 202);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  assert.equal(service.logs.at(-1)?.msg, 'stopped');
});

test('a service ended by a second signal logs how many pending writes are lost', async (t) => {
  const redis = await redisFor(t);
  const service = await replicaFor(t, redis);
  await redis.signal('SIGKILL');
  for (const key of ['a', 'b', 'c']) assert.equal((await put(service, key, '1')).status, 202);
  service.kill('SIGTERM');
  await service.waitForLog(({ msg }) => msg === 'writes are pending; trying Redis for 2 seconds');
  assert.deepEqual(await service.stop(), { code: 1, signal: null });
  const lost = service.logs.find(
    ({ msg }) => msg === 'pending writes are lost: a second signal ended the process',
  );
  assert.equal(lost?.changes, 3);
});

async function serve(t: TestContext, env: Record<string, string>): Promise<Service> {
  const service = await startService({ env });
  t.after(() => service.stop('SIGKILL'));
  return service;
}

async function killOthers(control: Redis): Promise<void> {
  for (const type of ['normal', 'pubsub'])
    await control.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
}

interface Read {
  readonly key: string;
  readonly status: number;
  readonly ms: number;
}

/** Reads all keys at once in each round, one round after the other. */
async function readRounds(service: Service, keys: readonly string[], rounds: number): Promise<Read[]> {
  const reads: Read[] = [];
  for (let round = 0; round < rounds; round++) {
    const timed = keys.map(async (key) => {
      const start = performance.now();
      const response = await get(service, key);
      await response.arrayBuffer();
      reads.push({ key, status: response.status, ms: performance.now() - start });
    });
    await Promise.all(timed);
  }
  return reads;
}

const slowest = (reads: readonly Read[]) => Math.max(...reads.map(({ ms }) => ms));

function assertAnswered(reads: readonly Read[]): void {
  assert.ok(reads.length > 0);
  for (const { key, status } of reads) assert.ok(status < 500, `${key}: ${status}`);
}

async function statusOf(service: Service, path: string): Promise<number> {
  const response = await service.fetch(path);
  await response.arrayBuffer();
  return response.status;
}

/** Waits until L1 has keys that another replica has just written, and their invalidations have arrived. */
async function keep(service: Service, keys: readonly string[]): Promise<void> {
  await heardAll(service);
  for (const key of keys) await until(() => holds(service, key));
}

async function holds(service: Service, key: string): Promise<boolean> {
  const [first] = cacheStatus((await get(service, key)).headers.get('cache-status'));
  return first!.cache === 'ratecache-l1' && first!.hit === true;
}

/** The value of a metric in `/metrics`, by its name with labels. */
async function sample(service: Service, name: string): Promise<number | undefined> {
  const text = await (await service.fetch('/metrics')).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

function lines(service: Service, msg: string, kind: string): LogLine[] {
  return service.logs.filter((line) => line.msg === msg && line.kind === kind);
}
