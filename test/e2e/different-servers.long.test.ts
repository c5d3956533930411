import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Transform } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get, put } from '../support/client.ts';

const KEY = 'different:A';
const USER = { REDIS_USERNAME: 'app', REDIS_PASSWORD: 'secret' };

test('a server that forbids EVALSHA receives the text of the scripts', async (t) => {
  const redis = await startWithUser(t, '-evalsha');
  const service = await serve(t, redis, USER);
  await reachesRedis(service);
  assert.equal((await put(service, KEY, '1')).status, 201);
  assert.equal((await put(service, KEY, '2')).status, 204);
  await reasonsBecome(service);
});

test('a server that does not know EVALSHA receives the text of the scripts', async (t) => {
  const redis = await start(t, '--rename-command', 'EVALSHA', '');
  const service = await serve(t, redis);
  await reachesRedis(service);
  assert.equal((await put(service, KEY, '1')).status, 201);
  await reasonsBecome(service);
});

test('after SCRIPT FLUSH writes are made', async (t) => {
  const redis = await start(t);
  const service = await serve(t, redis);
  await reachesRedis(service);
  for (const expected of [201, 204, 204]) {
    assert.equal((await put(service, KEY, '1')).status, expected);
    await redis.cli('SCRIPT', 'FLUSH');
  }
});

test('a server that forbids scripts answers reads, and this is reported once until it allows them', async (t) => {
  const redis = await startWithUser(t, '-evalsha', '-eval');
  const service = await serve(t, redis, USER);
  await reachesRedis(service);
  await redis.cli('SET', `borrow_rate_engine:${KEY}`, '{"value":1,"timestamp":1}');
  for (let i = 0; i < 3; i++) assert.equal((await put(service, 'different:B', '1')).status, 202);
  const reported = /^Redis refuses scripts, so only reads work/;
  await until(async () => {
    const { status, reasons } = await health(service);
    return status === 'degraded' && reasons.some((reason) => reported.test(reason));
  });
  await service.waitForLog(({ msg }) => reported.test(String(msg)));

  await redis.cli('ACL', 'SETUSER', 'app', '+eval', '+evalsha');
  await reasonsBecome(service);
  assert.equal((await get(service, 'different:B')).status, 200);
  assert.equal(service.logs.filter(({ msg }) => reported.test(String(msg))).length, 1);
});

for (const [keys, reported] of [
  [
    'borrow_rate_engine:* ~__ratecache__:canary:* ~__ratecache__:quality:*',
    /^The Redis user may not use the keys __ratecache__:write:\*/,
  ],
  [
    'borrow_rate_engine:* ~__ratecache__:canary:* ~__ratecache__:write:*',
    /^The Redis user may not use the keys __ratecache__:quality:\*/,
  ],
] as const)
  test(`/health warns while a user may use only the keys ${keys}`, async (t) => {
    const redis = await startWithUser(t, 'resetkeys', ...`~${keys}`.split(' '));
    const service = await serve(t, redis, USER);
    await reachesRedis(service);
    await reasonsBecome(service, reported);

    await redis.cli('ACL', 'SETUSER', 'app', '~*');
    await reasonsBecome(service);
  });

test('a user without rights on the records of writes is logged once, and repeated writes are not recognised', async (t) => {
  const keys = 'resetkeys ~borrow_rate_engine:* ~__ratecache__:canary:* ~__ratecache__:quality:*';
  const redis = await startWithUser(t, ...keys.split(' '));
  const service = await serve(t, redis, USER);
  await reachesRedis(service);
  const once = { headers: { 'Idempotency-Key': 'once', 'If-None-Match': '*' } };
  assert.equal((await put(service, KEY, '1', once)).status, 201);
  assert.equal((await put(service, KEY, '1', once)).status, 412);
  const forbidden = /^the Redis user may not use the keys __ratecache__:write:\*/;
  for (let i = 0; i < 2; i++) await health(service);
  await service.waitForLog(({ msg }) => forbidden.test(String(msg)));

  await redis.cli('ACL', 'SETUSER', 'app', '~*');
  await reasonsBecome(service);
  await redis.cli('DEL', `borrow_rate_engine:${KEY}`);
  for (let i = 0; i < 2; i++) assert.equal((await put(service, KEY, '1', once)).status, 201);
  assert.equal(service.logs.filter(({ msg }) => forbidden.test(String(msg))).length, 1);
});

test('a server that does not know EVAL and EVALSHA answers reads, and rejects writes', async (t) => {
  const redis = await start(t, '--rename-command', 'EVALSHA', '', '--rename-command', 'EVAL', '');
  const service = await serve(t, redis);
  await reachesRedis(service);
  const answer = await put(service, KEY, '1');
  assert.equal(answer.status, 503);
  assert.equal(((await answer.json()) as { code: string }).code, 'l2_rejected');
  await until(async () => (await health(service)).reasons.join().includes('only reads work'));
});

test('behind a proxy without CLIENT TRACKING the service is degraded, and reads go to Redis', async (t) => {
  const redis = await start(t);
  const port = await proxyWithoutTracking(t, redis);
  const service = await serve(t, { port });
  const lacks = /^Redis does not report changes to the invalidation link \(ERR unknown subcommand/i;
  await until(async () => {
    const body = await health(service);
    // Until the first connection is ready, a third reason is that Redis is unreachable.
    return body.coherence === 'degraded' && body.reasons.length === 2 && lacks.test(body.reasons[1]!);
  });
  assert.equal((await put(service, KEY, '1')).status, 201);
  assert.equal(await (await get(service, KEY)).text(), '1');
  // Another program writes. No link reports it, and no read is stale.
  await redis.cli('DEL', `borrow_rate_engine:${KEY}`);
  const answer = await get(service, KEY);
  assert.equal(answer.status, 404);
  assert.match(answer.headers.get('cache-status')!, /coherence=degraded/);
  const logged = service.logs.filter(({ msg }) => msg === 'the invalidation link cannot be armed; retrying');
  assert.equal(logged.length, 1);
});

async function start(t: TestContext, ...args: string[]): Promise<RedisServer> {
  const redis = await startRedis({ args });
  t.after(() => redis.stop());
  return redis;
}

async function startWithUser(t: TestContext, ...without: string[]): Promise<RedisServer> {
  const redis = await start(t);
  await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', ...without);
  return redis;
}

async function serve(
  t: TestContext,
  redis: { readonly port: number },
  env: Record<string, string> = {},
): Promise<Service> {
  const service = await startService({ env: { ...PATIENT, ...redisEnv(redis), ...env } });
  t.after(() => service.stop());
  return service;
}

/**
 * Waits until `/health` has a reason for each of these patterns and no other reason. On a busy machine, Redis may answer
 * the service late, which is one more reason for a second.
 */
async function reasonsBecome(service: Service, ...expected: readonly RegExp[]): Promise<void> {
  await until(async () => {
    const { status, reasons } = await health(service);
    assert.equal(reasons.length, expected.length, reasons.join());
    for (const [i, pattern] of expected.entries()) assert.match(reasons[i]!, pattern);
    assert.equal(status, expected.length === 0 ? 'healthy' : 'degraded');
    return true;
  });
}

async function health(service: Service) {
  return (await (await service.fetch('/health')).json()) as {
    status: string;
    coherence: string;
    reasons: string[];
  };
}

/** A proxy that Redis answers as a proxy without CLIENT TRACKING would: it changes the name of the subcommand. */
async function proxyWithoutTracking(t: TestContext, redis: RedisServer): Promise<number> {
  const proxy = createServer((client) => {
    const upstream = connect(redis.port, '127.0.0.1');
    for (const socket of [client, upstream]) socket.on('error', () => {});
    const rename = new Transform({
      transform: (chunk: Buffer, _encoding, done) =>
        done(null, Buffer.from(chunk.toString('latin1').replace('TRACKING', 'TRACKINX'), 'latin1')),
    });
    client.pipe(rename).pipe(upstream).pipe(client);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  return (proxy.address() as { port: number }).port;
}
