import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { healthOf } from '../cli/health.ts';
import { get, jsonOf, put } from '../support/client.ts';
import { redisFor, replicaFor } from '../support/services.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

test('while Redis is a replica, health is degraded and reports that writes are pending', async (t) => {
  const redis = await redisFor(t);
  const service = await replicaFor(t, redis);
  await redis.cli('REPLICAOF', '127.0.0.1', '1');
  const reason = 'Redis is a replica: writes are pending until REDIS_HOST leads to a master';
  const body = await until(async () => {
    const now = await healthOf(service);
    return now.reasons.join() === reason ? now : undefined;
  });
  assert.equal(body.status, 'degraded');
  assert.equal(body.redis.connected, true);
  assert.equal((await put(service, 'health:A', '1')).status, 202);
  await redis.cli('REPLICAOF', 'NO', 'ONE');
  await until(async () => (await healthOf(service)).status === 'healthy');
});

test('a half-open data connection degrades health and readiness without a link and without reads', async (t) => {
  const redis = await redisFor(t);
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  const service = await replicaFor(t, redis, {
    REDIS_PORT: String(proxy.port),
    ENABLE_PUBSUB: 'false',
    READY_REQUIRES_REDIS: 'true',
  });
  await until(async () => (await ready(service)) === 200);
  await until(async () => (await healthOf(service)).status === 'healthy');

  proxy.freeze();
  await until(async () => (await ready(service)) === 503);
  const body = await until(async () => {
    const now = await healthOf(service);
    return now.status === 'degraded' ? now : undefined;
  });
  assert.equal(body.redis.connected, false);
  assert.match(body.reasons[0]!, /^Redis is unreachable: /);
  proxy.thaw();
  proxy.cut();
  await until(async () => (await ready(service)) === 200);
  await until(async () => (await healthOf(service)).status === 'healthy');
});

test('while the circuit breaker is open, health is degraded and the service is not ready', async (t) => {
  const redis = await redisFor(t);
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  const service = await replicaFor(t, redis, {
    REDIS_PORT: String(proxy.port),
    READY_REQUIRES_REDIS: 'true',
    REDIS_COMMAND_TIMEOUT_MS: '100',
  });
  proxy.delay(150);
  await until(async () => {
    await (await get(service, `health:${Math.random()}`)).arrayBuffer();
    return (await healthOf(service)).redis.breaker === 'open';
  });
  const body = await until(async () => {
    const now = await healthOf(service);
    return now.redis.connected && now.redis.breaker === 'open' ? now : undefined;
  });
  assert.equal(body.status, 'degraded');
  assert.ok(body.reasons.some((reason) => reason.startsWith('The circuit breaker is open')));
  assert.equal(await ready(service), 503);
  proxy.delay(0);
  await reachesRedis(service);
  await until(async () => (await healthOf(service)).status === 'healthy');
  await until(async () => (await ready(service)) === 200);
});

test('while only the link is lost, health names why, and explain does not say that Redis is lost', async (t) => {
  const redis = await redisFor(t);
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  const service = await replicaFor(t, redis, {
    REDIS_PORT: String(proxy.port),
    HEARTBEAT_INTERVAL_MS: '100',
    HEARTBEAT_TIMEOUT_MS: '1000',
  });
  // Every connection tells Redis its name first. The service closes a link that stays silent.
  proxy.freeze({ saying: 'ratecache-link' });
  const body = await until(async () => {
    const now = await healthOf(service);
    const { connected, link_error: fault } = now.redis;
    return now.coherence === 'degraded' && connected && fault !== undefined ? now : undefined;
  });
  assert.ok(
    body.reasons.some((reason) =>
      reason.startsWith(`The invalidation link is down (${body.redis.link_error}): `),
    ),
    body.reasons.join(),
  );
  const { others } = await jsonOf(await service.fetch('/v1/explain/borrow_rate:AAPL'));
  assert.deepEqual([others.asked, others.reason], [false, 'the invalidation link of this replica is down']);
  proxy.thaw();
  proxy.cut({ saying: 'ratecache-link' });
  await until(async () => (await healthOf(service)).status === 'healthy');
  assert.equal((await healthOf(service)).redis.link_error, undefined);
});

async function ready(service: Service): Promise<number> {
  const response = await service.fetch('/readyz');
  await response.arrayBuffer();
  return response.status;
}
