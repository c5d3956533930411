import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { del, get, jsonOf, post, put, readIntoL1 } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { whileFrozen } from '../support/while-frozen.ts';

// Redis permanently refuses some changes; the other changes must succeed.

const PREFIX = 'borrow_rate_engine:';
const PATIENCE = { timeoutMs: 60_000, everyMs: 20 };
const FORBIDDEN = 'volatility:FORBIDDEN';
const ALLOWED = 'borrow_rate:ALLOWED';

/** A Redis whose ACL forbids one type, and a service on it. */
async function setUp(t: TestContext): Promise<{ redis: RedisServer; service: Service }> {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const keys = ['borrow_rate:*', 'min_rate:*', 'is-redis-there'].map((key) => `~${PREFIX}${key}`);
  await redis.cli('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '&*', '~__ratecache__:*', ...keys);
  const service = await startReplica(redis, {
    REDIS_USERNAME: 'app',
    REDIS_PASSWORD: 'secret',
    REDIS_COMMAND_TIMEOUT_MS: '800',
  });
  t.after(() => service.stop('SIGKILL'));
  return { redis, service };
}

const isStored = (redis: RedisServer, key: string) =>
  redis.cli('EXISTS', PREFIX + key).then((n) => n === '1');

test('an item of an mset that an ACL forbids does not delay the other items', async (t) => {
  const { redis, service } = await setUp(t);
  const entries = [FORBIDDEN, ALLOWED].map((key) => ({ key, value: 1 }));
  const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
  assert.deepEqual(
    results.map(({ status, code }: { status: string; code?: string }) => [status, code]),
    [
      ['stored', 'l2_unavailable'],
      ['stored', undefined],
    ],
  );
  assert.equal(await isStored(redis, ALLOWED), true);
});

test('a pending write that Redis refuses does not delay others, and is applied when Redis accepts it', async (t) => {
  const { redis, service } = await setUp(t);
  await whileFrozen(redis, async () => {
    assert.equal((await put(service, FORBIDDEN, '1')).status, 202);
    assert.equal((await put(service, ALLOWED, '1')).status, 202);
    assert.equal((await del(service, 'volatility:GONE')).status, 202);
    assert.equal((await put(service, 'min_rate:ALLOWED', '1')).status, 202);
  });
  await until(() => isStored(redis, ALLOWED), PATIENCE);
  await until(() => isStored(redis, 'min_rate:ALLOWED'), PATIENCE);
  const pending = async () => (await jsonOf(await service.fetch('/health'))).pending_writes.entries;
  await until(async () => (await pending()) === 2, PATIENCE);
  assert.equal(await (await get(service, FORBIDDEN)).text(), '1', 'the pending write is served');
  assert.equal(await isStored(redis, FORBIDDEN), false);

  await redis.cli('ACL', 'SETUSER', 'app', '~*');
  await until(() => isStored(redis, FORBIDDEN), PATIENCE);
  await until(async () => (await pending()) === 0, PATIENCE);
});

test('a conditional PUT while Redis is unreachable does not change the L1 entry', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop('SIGKILL'));
  const version = (await put(service, ALLOWED, '"held"')).headers.get('etag')!;
  await heardAll(service);
  await readIntoL1(service, ALLOWED);
  await redis.signal('SIGKILL');
  await until(async () => (await jsonOf(await service.fetch('/health'))).coherence === 'blind', PATIENCE);
  const response = await put(service, ALLOWED, '"new"', { headers: { 'if-match': version } });
  assert.equal((await jsonOf(response)).code, 'l2_unavailable');
  assert.equal(await (await get(service, ALLOWED)).text(), '"held"');
});

test('SWAPDB invalidates entries of the other database, and FLUSHDB of another database loses no value', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis, { LOCAL_CACHE_TTL: '3600' });
  t.after(() => service.stop('SIGKILL'));
  await put(service, ALLOWED, '"kept"');
  await redis.cli('-n', '1', 'FLUSHDB');
  assert.equal(await (await get(service, ALLOWED)).text(), '"kept"');
  await redis.cli('SWAPDB', '0', '1');
  await until(async () => (await get(service, ALLOWED)).status === 404, PATIENCE);
  await redis.cli('SWAPDB', '0', '1');
  await until(async () => (await (await get(service, ALLOWED)).text()) === '"kept"', PATIENCE);
});
