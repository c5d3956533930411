import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { parseInfo, RedisInfo, type RedisStatus } from '../../src/redis/info.ts';
import { closed, openConnection, startConnected } from '../support/redis-connection.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

/** Long enough for a Redis on a busy machine. */
const PATIENT = { timeoutMs: 30_000 };

test('the status of a connected Redis has the fields that the runbook names', async (t) => {
  const { redis, counters } = await startConnected(t, {
    args: ['--maxmemory', '64mb', '--maxclients', '321'],
  });
  const status = connected(await new RedisInfo(redis, counters, PATIENT).status());

  assert.ok(status.response_time_ms > 0);
  assert.equal(status.response_time_ms, Number(status.response_time_ms.toFixed(2)));
  assert.deepEqual(Object.keys(status.server_info), [
    'redis_version',
    'uptime_in_seconds',
    'connected_clients',
    'used_memory_human',
  ]);
  const { server_info, details } = status;
  assert.match(server_info.redis_version!, /^\d+\.\d+\.\d+$/);
  assert.match(server_info.used_memory_human!, /^[\d.]+[KMG]$/);
  assert.ok(server_info.uptime_in_seconds! < 600);
  assert.ok(server_info.connected_clients! >= 1);
  assert.ok(details.usedMemoryBytes > 100_000);
  assert.equal(details.maxMemoryBytes, 64 * 1024 * 1024);
  assert.equal(details.maxClients, 321);
});

test('the status counts evicted and expired keys, hits, misses and commands', async (t) => {
  const { redis, counters } = await startConnected(t);
  await redis.set('a', '1');
  await redis.get('a');
  await redis.get('absent');
  await redis.set('short', '1', 'PX', 1);
  await until(async () => (await redis.exists('short')) === 0);
  await redis.config('SET', 'maxmemory-policy', 'allkeys-random');
  await redis.config('SET', 'maxmemory', '1');
  await until(async () => (await redis.dbsize()) === 0);
  await redis.config('SET', 'maxmemory', '0');

  const { details } = connected(await new RedisInfo(redis, counters, PATIENT).status());
  assert.equal(details.evictedKeys, 1);
  assert.equal(details.expiredKeys, 1);
  assert.ok(details.keyspaceHits >= 1);
  assert.ok(details.keyspaceMisses >= 1);
  const get = details.commands.find(({ name }) => name === 'get');
  assert.equal(get?.calls, 2);
  assert.ok(get.seconds >= 0 && get.seconds < 60);
});

test('any number of calls asks Redis once a second', async (t) => {
  const { redis, counters } = await startConnected(t);
  const questions = questionsTo(t, redis);
  let now = 5000;
  const info = new RedisInfo(redis, counters, { ...PATIENT, now: () => now });

  const together = await Promise.all(Array.from({ length: 1000 }, () => info.status()));
  assert.equal(new Set(together).size, 1);
  now += 999;
  assert.equal(await info.status(), together[0]);
  assert.equal(questions(), 1);

  now += 1;
  assert.notEqual(await info.status(), together[0]);
  assert.equal(questions(), 2);
});

test('a call during a pending request shares that request', async (t) => {
  const { server, redis, counters } = await startConnected(t);
  const questions = questionsTo(t, redis);
  let now = 0;
  const info = new RedisInfo(redis, counters, { ...PATIENT, now: () => now });
  await server.signal('SIGSTOP');
  const first = info.status();
  now += 60_000;
  const second = info.status();
  await server.signal('SIGCONT');
  assert.equal(await first, await second);
  assert.equal(questions(), 1);
});

test('a Redis that hangs is reported as not connected after the time-out, and the failure is cached for a second', async (t) => {
  const { server, redis, counters } = await startConnected(t);
  let now = 0;
  const info = new RedisInfo(redis, counters, { now: () => now, timeoutMs: 30 });
  await server.signal('SIGSTOP');
  const failed = await info.status();
  assert.deepEqual(failed, {
    connected: false,
    response_time_ms: null,
    server_info: {},
    error: 'Redis did not answer within 30 ms',
  });
  // PING and INFO.
  assert.equal(counters.redisErrors.get('timeout'), 2);

  await server.signal('SIGCONT');
  now += 999;
  assert.equal(await info.status(), failed);
  now += 1;
  // The first answers may take longer than 30 ms, because they follow the earlier unanswered commands.
  await until(async () => {
    now += 1000;
    return (await info.status()).connected;
  });
});

test('an unreachable Redis is reported with the error of the connection', async (t) => {
  const { redis, counters } = openConnection(t, { port: await freePort() });
  const info = new RedisInfo(redis, counters);
  await closed(redis);
  const status = await info.status();
  assert.equal(status.connected, false);
  assert.match(status.error, /^not connected to Redis: connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
  assert.equal(status.response_time_ms, null);
  assert.deepEqual(status.server_info, {});
});

test('a server that closes each connection without an error is reported as the cause', async (t) => {
  const closing = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  t.after(() => closing.close());
  await once(closing, 'listening');
  const { redis, counters } = openConnection(t, closing.address() as AddressInfo);
  const info = new RedisInfo(redis, counters);
  await closed(redis);
  const status = await info.status();
  assert.ok(!status.connected);
  assert.equal(status.error, 'not connected to Redis: the connection was closed before Redis answered');
});

test('a restarted Redis is reported as connected, without the earlier error', async (t) => {
  const { server, redis, counters } = await startConnected(t);
  let now = 0;
  const info = new RedisInfo(redis, counters, { ...PATIENT, now: () => now });
  const down = closed(redis);
  await server.signal('SIGKILL');
  await down;
  assert.equal((await info.status()).connected, false);
  await server.restart();
  await until(() => redis.status === 'ready');
  now += 1000;
  assert.equal((await info.status()).connected, true);
});

test('a wrong password is reported without the password', async (t) => {
  const server = await startRedis({ password: 'right' });
  t.after(() => server.stop());
  const { redis, counters } = openConnection(t, server, 'wr0ng-s3cret');
  const info = new RedisInfo(redis, counters);
  await closed(redis);
  const status = await info.status();
  assert.equal(status.connected, false);
  assert.match(status.error, /WRONGPASS/);
  assert.doesNotMatch(status.error, /wr0ng-s3cret/);
});

test('a database that Redis rejects is reported as the cause', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { redis, counters } = openConnection(t, server, undefined, 99);
  const info = new RedisInfo(redis, counters);
  await closed(redis);
  const status = await info.status();
  assert.ok(!status.connected);
  assert.equal(status.error, 'not connected to Redis: ERR DB index is out of range');
});

test('the status hides a password that the error of the server repeats', async (t) => {
  const server = await startRedis({ args: ['--rename-command', 'AUTH', ''] });
  t.after(() => server.stop());
  for (const password of ['s3cret', 'long'.repeat(100)]) {
    const { redis, counters } = openConnection(t, server, password);
    const info = new RedisInfo(redis, counters);
    await closed(redis);
    const status = await info.status();
    assert.equal(status.connected, false);
    assert.equal(status.error, "not connected to Redis: ERR unknown command 'auth'");
  }
});

test('a server that becomes a replica is reported as a replica', async (t) => {
  const { server, redis, counters } = await startConnected(t);
  let now = 0;
  const info = new RedisInfo(redis, counters, { ...PATIENT, now: () => now });
  assert.equal(connected(await info.status()).replica, false);
  await server.cli('REPLICAOF', '127.0.0.1', '1');
  now += 1000;
  assert.equal(connected(await info.status()).replica, true);
});

test('the data connection alone decides whether Redis is connected', async (t) => {
  const { server, redis: admin, counters } = await startConnected(t);
  const proxy = await startTcpProxy(server);
  t.after(() => proxy.close());
  const { redis: data } = openConnection(t, proxy);
  await once(data, 'ready');
  let now = 0;
  const info = new RedisInfo(data, counters, { now: () => now, timeoutMs: 30 }, admin);
  await until(async () => {
    now += 1000;
    return (await info.status()).connected;
  });
  proxy.freeze();
  now += 1000;
  assert.equal((await info.status()).connected, false);
});

test('a server whose ACL forbids INFO is connected, without details', async (t) => {
  const { server, redis, counters } = await startConnected(t);
  await server.cli('ACL', 'SETUSER', 'default', '-info');
  const status = await new RedisInfo(redis, counters, PATIENT).status();
  assert.ok(status.connected);
  assert.equal(status.details, undefined);
  assert.deepEqual(status.server_info, {});
});

test('a server with a wrong PING reply is not connected, and a wrong INFO reply has no details', async () => {
  for (const [ping, info, connected] of [
    [7, 8, false],
    ['OK', 'OK', false],
    ['PONG', [], true],
  ] as const) {
    const redis = Object.assign(new EventEmitter(), {
      status: 'ready',
      options: {},
      ping: async () => ping,
      info: async () => info,
    }) as unknown as Redis;
    const status = await new RedisInfo(redis, new Counters()).status();
    assert.equal(status.connected, connected, String(ping));
    if (status.connected) assert.equal(status.details, undefined);
  }
});

test('the INFO parser handles headings, empty lines and values with colons', () => {
  const reply =
    '# Server\r\nredis_version:7.0.5\r\n\r\n# Keyspace\r\ndb0:keys=1,expires=0\r\nurl:a:b\r\nodd\r\n';
  assert.deepEqual(
    [...parseInfo(reply)],
    [
      ['redis_version', '7.0.5'],
      ['db0', 'keys=1,expires=0'],
      ['url', 'a:b'],
    ],
  );
});

function connected(status: RedisStatus) {
  assert.ok(status.connected, 'error' in status ? status.error : '');
  assert.ok(status.details);
  return { ...status, details: status.details };
}

/** How often the status was asked for. Not by PING: an idle connection sends one too. */
function questionsTo(t: TestContext, redis: Redis): () => number {
  const { mock } = t.mock.method(redis, 'info');
  return () => mock.calls.filter((call) => call.arguments.length === 0).length;
}
