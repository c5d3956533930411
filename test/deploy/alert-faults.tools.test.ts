import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { get, jsonOf, post, put } from '../support/client.ts';
import { allHealthy, counterOf, pidOf } from '../support/processes.ts';
import { fill, startHealthy, startLonely, startPaired, startProxied, startSmall } from './lab.ts';
import { miss } from './load.ts';
import { ALERTS } from './rules.ts';
import { PENDING_AGE_SECONDS, Scrapes } from './scrapes.ts';

// Real services whose faults are real, and the shipped rules in promtool's time. Nothing here waits for a rule, and a
// busy machine changes no verdict: the requests between two scrapes are counted, and not timed.

/** Twenty minutes: longer than any alert waits, and what it looks back on. */
const LONG = 80;
/** How fast this machine is decides these. The cases of promtool have both sides of their thresholds. */
const TIMED = ['CacheServiceHighLatency', 'RedisHighResponseTime', 'CacheInvalidationLinkLag'];

/**
 * Whether Redis answered INFO. The service asks once a second and waits for half a second: where a busy machine is late,
 * all scrapes of a second lack the answer, which would count as minutes.
 */
const hasRedisFigures = (text: string) => /^redis_memory_used_bytes /m.test(text);
/** A busy machine may hold up the link or Redis for a moment, which would count as minutes too. */
const isCoherent = (text: string) => valueIn(text, 'cache_coherence_state{state="coherent"}') === 1;
const isBreakerOpen = (text: string) => valueIn(text, 'redis_breaker_open') === 1;
const isBreakerClosed = (text: string) => valueIn(text, 'redis_breaker_open') === 0;

/** The alerts that fired in any test of this file. */
const fired = new Set<string>();

/** Wants these among the alerts that have fired from this scrape on. */
async function assertFired(scrapes: Scrapes, since: number, ...alerts: string[]): Promise<void> {
  const found = await scrapes.fired(since);
  for (const alert of alerts) {
    assert.ok(found.includes(alert), `${alert} is not among ${found.join()}`);
    fired.add(alert);
  }
}

describe('the shipped rules', { concurrency: true }, () => {
  test('fire no alert for a healthy system under load, then fire for a killed instance, then for the loss of all', async (t) => {
    const { services } = await startHealthy(t);
    const scrapes = new Scrapes('healthy', services);
    await scrapes.take(LONG, () => Promise.all(services.map(healthyRequests)), hasRedisFigures);
    assert.deepEqual(
      (await scrapes.fired()).filter((alert) => !TIMED.includes(alert)),
      [],
    );

    services[0]!.kill('SIGKILL');
    await services[0]!.exited;
    const one = scrapes.count;
    await scrapes.take(8, () => healthyRequests(services[1]!));
    await assertFired(scrapes, one, 'CacheServiceDown');
    assert.ok(!(await scrapes.fired()).includes('CacheServiceMetricsAbsent'));

    services[1]!.kill('SIGKILL');
    await services[1]!.exited;
    const none = scrapes.count;
    await scrapes.take(12);
    await assertFired(scrapes, none, 'CacheServiceMetricsAbsent');
  });

  test('fire for a killed Redis: connections, coherence, errors, pending writes that fill up, absent metrics', async (t) => {
    const { redis, services } = await startLonely(t);
    const service = services[0]!;
    const scrapes = new Scrapes('lonely', services);
    await scrapes.take(4, () => miss(service));
    assert.deepEqual(await scrapes.fired(), []);

    await redis.signal('SIGKILL');
    for (let i = 0; i < 6; i++) assert.equal((await put(service, `volatility:${i}`, '1')).status, 202);
    const failures = 'redis_error_total{reason="connection"}';
    const before = await figure(service, failures);
    await until(async () => (await figure(service, failures)) >= before + 6);
    const age = 'cache_pending_writes_oldest_age_seconds';
    await until(async () => (await figure(service, age)) > PENDING_AGE_SECONDS);
    // INFO is asked for once a second.
    await until(async () => !(await jsonOf(await service.fetch('/health'))).redis.connected);
    await scrapes.take(50, () => miss(service));
    await assertFired(
      scrapes,
      0,
      ...['RedisConnectionFailed', 'CacheCoherenceLost', 'CacheServiceErrorRate'],
      ...['CachePendingWritesFilling', 'CachePendingWritesStuck', 'RedisMetricsAbsent'],
    );
  });

  test('fire for misses, for a Redis with too many keys or clients, and for requests refused for overload', async (t) => {
    const small = await startSmall(t);
    const service = small.services[0]!;
    await fill(small);
    for (let i = 0; i < 6; i++) {
      const client = connect(small.redis.port, '127.0.0.1');
      t.after(() => client.destroy());
      await once(client, 'connect');
    }
    const scrapes = new Scrapes('small', small.services);
    await scrapes.take(LONG, () => Promise.all([miss(service), miss(service)]));
    await assertFired(scrapes, 0, 'RedisHighMemoryUsage', 'RedisHighConnections', 'HighCacheMissRate');

    // A process that is stopped and goes on finds its event loop late, and all that has come meanwhile.
    const before = scrapes.count;
    await until(async () => {
      service.kill('SIGSTOP');
      const waiting = Array.from({ length: 50 }, () => miss(service));
      await delay(1000);
      service.kill('SIGCONT');
      return (await Promise.all(waiting)).some(({ status }) => status === 503);
    });
    const heartbeat = {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ types: ['borrow_rate'], ttl: 0.001 }),
    };
    // The service may still refuse requests for overload.
    await until(async () => (await service.fetch('/v1/sources/feed', heartbeat)).status === 200);
    await scrapes.take(8);
    await assertFired(scrapes, before, 'CacheServiceShedding', 'CacheSourceDead');
  });

  test('fire for a slow Redis, a cut invalidation link and an unresponsive Redis, and resolve after recovery', async (t) => {
    const { proxy, services } = await startProxied(t);
    const service = services[0]!;
    const scrapes = new Scrapes('proxied', services);
    // Writes: reads would have to miss to come so far, which is an alert of its own.
    const write = () => put(service, `volatility:${Math.floor(Math.random() * 8)}`, '1');
    const writeEveryMinute = async () => {
      if (scrapes.count % 4 === 0) await write();
    };
    const coherence = async () => (await jsonOf(await service.fetch('/health'))).coherence;

    proxy.delay(150);
    await scrapes.take(LONG, writeEveryMinute, isCoherent);
    await assertFired(scrapes, 0, ...TIMED);
    assert.ok(!(await scrapes.fired()).includes('CacheCoherenceLost'));

    proxy.delay(0);
    proxy.freeze({ saying: 'ratecache-link' });
    await until(async () => (await coherence()) === 'degraded');
    await scrapes.take(8, undefined, isBreakerClosed);
    await assertFired(scrapes, 0, 'CacheCoherenceLost');
    assert.ok(!(await scrapes.fired()).includes('CacheBreakerOpen'));

    // On a busy machine the silent connection may be closed before two writes have timed out on it.
    await until(async () => {
      proxy.freeze({ saying: 'ratecache-data' });
      await Promise.all([write(), write()]);
      if (isBreakerOpen(await metrics(service))) return true;
      proxy.thaw();
      await until(async () => (await jsonOf(await service.fetch('/health'))).redis.connected);
      return false;
    });
    await scrapes.take(8, undefined, isBreakerOpen);
    await assertFired(scrapes, 0, 'CacheBreakerOpen');

    proxy.thaw();
    await until(async () => (await coherence()) === 'coherent');
    await until(async () => (await figure(service, 'cache_pending_writes')) === 0);
    await scrapes.take(30, undefined, hasRedisFigures);
    const left = (await scrapes.fired(scrapes.count - 2)).filter((alert) => !TIMED.includes(alert));
    assert.deepEqual(left, []);
  });

  test('fire for processes that keep ending, and for one that hangs, and resolve after it answers', async (t) => {
    const service = await startPaired(t);
    await allHealthy(service);
    // Only the port of operators answers while a process hangs.
    const scrapes = new Scrapes('paired', [{ ...service, fetch: service.ops }]);
    await scrapes.take(10, undefined, hasRedisFigures);
    assert.deepEqual(await scrapes.fired(), []);

    const ending = scrapes.count;
    for (let i = 0; i < 3; i++) {
      process.kill(await pidOf(service, 1), 'SIGKILL');
      await until(async () => (await counterOf(service, 'ratecache_process_restarts_total')) === i + 1);
      await allHealthy(service);
      await scrapes.take(1);
      assert.equal((await scrapes.fired(ending)).includes('CacheProcessRestarts'), i === 2, `${i + 1}`);
    }
    await assertFired(scrapes, ending, 'CacheProcessRestarts');

    const hanging = scrapes.count;
    const pid = await pidOf(service, 2);
    process.kill(pid, 'SIGSTOP');
    await scrapes.take(10);
    process.kill(pid, 'SIGCONT');
    await assertFired(scrapes, hanging, 'CacheProcessNotAnswering');
    await allHealthy(service);
    await scrapes.take(1);
    assert.ok(!(await scrapes.fired(scrapes.count - 1)).includes('CacheProcessNotAnswering'));
  });
});

test('each alert has fired in the tests above, except the one that needs a certificate near its end', () => {
  const all = ALERTS.map(({ alert }) => alert).filter((alert) => alert !== 'CacheTlsCertificateExpires');
  assert.deepEqual([...fired].sort(), all.sort());
});

/** The load on a healthy system between two scrapes: reads that nearly all hit, writes, a batch and a deletion. */
async function healthyRequests(service: Service): Promise<void> {
  const keys = Array.from({ length: 10 }, (_, i) => `borrow_rate:${service.port}-${i}`);
  await post(service, '/v1/mset', { entries: keys.map((key) => ({ key, value: 1 })) });
  const reads = await Promise.all(keys.map((key) => get(service, key)));
  for (const { status } of reads) assert.equal(status, 200);
  await post(service, '/v1/mget', { keys });
  await miss(service);
  await service.fetch(`/v1/cache/${keys[0]}`, { method: 'DELETE' });
}

/** What `/metrics` has under this name; 0 for a counter that has not counted yet. */
async function figure(service: Service, name: string): Promise<number> {
  return valueIn(await metrics(service), name);
}

async function metrics(service: Service): Promise<string> {
  return (await service.fetch('/metrics')).text();
}

function valueIn(text: string, name: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
