import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { until } from '../../loadtest/support/until.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { backoffMs } from '../../src/redis/backoff.ts';
import { type ConnectionEvents, connect, type RedisAddress } from '../../src/redis/connect.ts';
import { Reconnector } from '../../src/redis/reconnector.ts';
import { closed } from '../support/redis-connection.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

test('the longest backoff doubles from 50 ms up to 30 s', () => {
  const longest = Array.from({ length: 12 }, (_, attempt) => backoffMs(attempt, () => 0));
  assert.deepEqual(longest, [50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
});

test('jitter shortens a backoff by at most half', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, chance) => {
        const longest = backoffMs(attempt, () => 0);
        const wait = backoffMs(attempt, () => chance);
        assert.ok(wait >= longest / 2 && wait <= longest && wait <= 30_000, `${wait} of ${longest}`);
      },
    ),
  );
});

test('the backoff is finite after any number of attempts', () => {
  for (const attempt of [1e3, 1e6, Number.MAX_SAFE_INTEGER])
    assert.equal(
      backoffMs(attempt, () => 0),
      30_000,
    );
});

test('a connection reports up, down, and up again', async (t) => {
  const server = await startRedis();
  const { redis, events, counters } = recorded({ port: server.port });
  t.after(async () => {
    redis.disconnect();
    await server.stop();
  });
  await until(() => events.length === 1);
  assert.equal(await redis.ping(), 'PONG');
  const ended = closed(redis);
  await server.signal('SIGKILL');
  await ended;
  await server.restart();
  await until(() => redis.status === 'ready');
  assert.deepEqual(
    events.filter((event) => event !== 'fault'),
    ['up', 'down', 'up'],
  );
  assert.equal(
    counters.redisErrors.get('connection') ?? 0,
    events.filter((event) => event === 'fault').length,
  );
});

test('every failed attempt to connect is counted as a fault and retried, and never reported as down', async (t) => {
  const { redis, events, counters } = recorded({ port: await freePort() });
  t.after(() => redis.disconnect());
  await until(() => events.length >= 3);
  assert.deepEqual(new Set(events), new Set(['fault']));
  assert.equal(counters.redisErrors.get('connection'), events.length);
});

test('a command on a broken connection fails at once', async (t) => {
  const { redis } = recorded({ port: await freePort() });
  t.after(() => redis.disconnect());
  await assert.rejects(redis.get('k'));
});

test('when one connection becomes ready, the others reconnect at once', async (t) => {
  const server = await startRedis();
  const proxy = await startTcpProxy(server);
  t.after(() => server.stop());
  t.after(() => proxy.close());
  proxy.accept(false);
  const reconnector = new Reconnector();
  const connections = Array.from({ length: 3 }, () => recorded({ port: proxy.port }, reconnector));
  t.after(() => {
    for (const { redis } of connections) redis.disconnect();
  });
  await until(() => connections.every(({ events }) => events.length >= 5));
  const ready = Promise.withResolvers<string[]>();
  for (const { redis } of connections)
    redis.once('ready', () => ready.resolve(connections.map((each) => each.redis.status)));
  proxy.accept(true);
  const statuses = await ready.promise;
  assert.ok(!statuses.includes('reconnecting'), statuses.join());
  await until(() => connections.every(({ redis }) => redis.status === 'ready'));
});

test('a connection that was closed on purpose does not reconnect when another becomes ready', async (t) => {
  const server = await startRedis();
  const reconnector = new Reconnector();
  const closed = recorded({ port: await freePort() }, reconnector);
  await until(() => closed.redis.status === 'reconnecting');
  closed.redis.disconnect();
  const { redis } = recorded({ port: server.port }, reconnector);
  t.after(async () => {
    redis.disconnect();
    await server.stop();
  });
  await once(redis, 'ready');
  assert.equal(closed.redis.status, 'reconnecting', 'ioredis leaves it in this state');
});

test('a wrong password is a fault, and the right password connects to the configured database', async (t) => {
  const server = await startRedis({ password: 'secret' });
  const wrong = recorded({ port: server.port, password: 'guess' });
  const right = recorded({ port: server.port, password: 'secret', db: 3 });
  t.after(async () => {
    wrong.redis.disconnect();
    right.redis.disconnect();
    await server.stop();
  });
  await until(() => wrong.events.includes('fault') && right.events.includes('up'));
  assert.ok(!wrong.events.includes('up'));
  await right.redis.set('k', '1');
  assert.equal(await server.cli('-n', '3', 'GET', 'k'), '1');
  assert.match(await server.cli('CLIENT', 'LIST'), /name=ratecache-test /);
});

test('a connection comes up only when Redis allows its database', async (t) => {
  const server = await startRedis();
  await server.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-select');
  const outOfRange = recorded({ port: server.port, db: 99 });
  const forbidden = recorded({ port: server.port, db: 3, username: 'app', password: 'secret' });
  t.after(async () => {
    outOfRange.redis.disconnect();
    forbidden.redis.disconnect();
    await server.stop();
  });
  const faults = ({ events }: typeof forbidden) => events.filter((event) => event === 'fault').length;
  await until(() => faults(outOfRange) > 2 && faults(forbidden) > 2);
  assert.ok(![...outOfRange.events, ...forbidden.events].includes('up'));
  await server.cli('ACL', 'SETUSER', 'app', '+select');
  await until(() => forbidden.events.includes('up'));
  await forbidden.redis.set('k', '1');
  assert.equal(await server.cli('-n', '3', 'GET', 'k'), '1');
});

/** A connection and its events, in order. */
function recorded(where: Partial<RedisAddress> & { port: number }, reconnector = new Reconnector()) {
  const counters = new Counters();
  const events: (keyof ConnectionEvents)[] = [];
  const address = {
    host: '127.0.0.1',
    username: undefined,
    password: undefined,
    db: 0,
    connectTimeoutMs: 1_000,
    ...where,
  };
  const handlers = {
    up: () => events.push('up'),
    down: () => events.push('down'),
    fault: () => events.push('fault'),
  };
  const redis = connect(address, 'test', counters, handlers, { reconnection: reconnector.join() });
  return { redis, events, counters };
}
