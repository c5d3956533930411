import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { cacheStatus } from '../support/cache-status.ts';
import { bytesOf, get, jsonOf, post, put } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { connectWs } from '../support/ws-client.ts';

// The path to Redis is slow: the round trip of 120 ms exceeds the command time-out of 40 ms
// and is within the tolerance of the heartbeat.

const EACH_WAY_MS = 60;
const PREFIX = 'borrow_rate_engine:';
const PATIENCE = { timeoutMs: 60_000, everyMs: 20 };
const KEY = 'borrow_rate:SLOW';

test('over a slow path a newer write of another replica replaces a pending write, which is served marked', async (t) => {
  const { redis, proxy, slow, fast } = await setUp(t);
  proxy.delay(EACH_WAY_MS);
  assert.equal((await put(slow, KEY, '"older"')).status, 202);
  await blind(slow);
  // If the write has reached Redis, the read times out.
  for (const [how, value, marked] of await answersOf(slow))
    assert.ok(marked && (value === 'older' || value === undefined), `${how}: ${value}`);
  assert.equal((await put(fast, KEY, '"newer"')).status < 202, true);
  // Until then, each answer is either marked or new.
  await until(async () => {
    const answers = await answersOf(slow);
    for (const [how, value, marked] of answers) assert.ok(marked || value === 'newer', `${how}: ${value}`);
    return answers.every(([, value]) => value !== 'older');
  }, PATIENCE);
  const health = await jsonOf(await slow.fetch('/health'));
  assert.deepEqual([health.status, health.coherence], ['degraded', 'blind']);

  proxy.delay(0);
  await until(async () => (await valueAt(slow)) === 'newer', PATIENCE);
  assert.match(await redis.cli('GET', PREFIX + KEY), /"newer"$/);
  await until(async () => (await jsonOf(await slow.fetch('/health'))).status === 'healthy', PATIENCE);
});

test('over a slow path pending writes reach Redis while the circuit breaker is open', async (t) => {
  const { proxy, slow, fast } = await setUp(t);
  proxy.delay(EACH_WAY_MS);
  await blind(slow);
  assert.equal((await put(slow, KEY, '"pending"')).status, 202);
  await until(async () => (await valueAt(fast)) === 'pending', PATIENCE);
  assert.equal((await jsonOf(await slow.fetch('/health'))).coherence, 'blind');
});

test('over a slow path a write reported as unknown is not applied when it arrives late', async (t) => {
  const { proxy, slow, fast } = await setUp(t, { PENDING_WRITES_MAX_ENTRIES: '0' });
  assert.ok((await put(fast, KEY, '"kept"')).ok);
  proxy.delay(EACH_WAY_MS);
  const response = await put(slow, KEY, '"late"');
  assert.equal((await jsonOf(response)).code, 'write_unknown');
  // Canaries use the same connection, so earlier commands have arrived.
  await heardAll(slow);
  assert.equal(await valueAt(fast), 'kept');
});

test('after a delay of 200 ms a subscriber receives a value written during the delay', async (t) => {
  const { proxy, slow, fast } = await setUp(t);
  const ws = await connectWs(slow);
  t.after(() => ws.close());
  await ws.subscribe({ keys: [KEY], values: true });
  proxy.delay(100);
  assert.ok((await put(fast, KEY, '"new"')).ok);
  const first = await ws.nextEvent(({ key, event }) => key === KEY || event === 'reset');
  proxy.delay(0);
  // Either the key is read until Redis answers, or coherence is lost and the client needs a new snapshot.
  const update =
    first.event === 'update'
      ? first
      : await ws.nextEvent(({ event, reason }) => event === 'update' || reason === 'rearmed');
  // A snapshot names keys that Redis did not return in time; the test subscribes again.
  const item = await until(async () => {
    const { items } = await ws.subscribe({ keys: [KEY], values: true });
    return items[0]?.code === undefined ? items[0] : undefined;
  }, PATIENCE);
  assert.equal(item.value, 'new');
  if (update.event === 'update') assert.equal(update.value, 'new');
});

async function setUp(t: TestContext, env: Record<string, string> = {}) {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  const start = async (port: number, more: Record<string, string>) => {
    const service = await startReplica({ ...redis, port } as RedisServer, more);
    t.after(() => service.stop('SIGKILL'));
    return service;
  };
  const slow = await start(proxy.port, { REDIS_COMMAND_TIMEOUT_MS: '40', ...env });
  return { redis, proxy, slow, fast: await start(redis.port, {}) };
}

/** Reads until the circuit breaker is open and the state is blind. */
async function blind(service: Service): Promise<void> {
  await until(async () => {
    const response = await get(service, 'nothing:there');
    await bytesOf(response);
    return /coherence=blind/.test(response.headers.get('cache-status') ?? '');
  }, PATIENCE);
  assert.equal((await jsonOf(await service.fetch('/health'))).status, 'degraded');
}

async function valueAt(service: Service): Promise<unknown> {
  return valueOfRead(await get(service, KEY));
}

async function valueOfRead(response: Response): Promise<unknown> {
  const body = await bytesOf(response);
  return response.status === 200 ? JSON.parse(body.toString()) : undefined;
}

/** The answer of each way to read, and whether it is marked as possibly stale. */
async function answersOf(service: Service): Promise<[how: string, value: unknown, marked: boolean][]> {
  const read = await get(service, KEY);
  const status = cacheStatus(read.headers.get('cache-status')).at(-1)!;
  const value = await valueOfRead(read);
  const [item] = (await jsonOf(await post(service, '/v1/mget', { keys: [KEY] }))).results;
  const ws = await connectWs(service);
  const pushed = await ws.request('get', { key: KEY });
  ws.close();
  return [
    ['GET', value, status.detail !== undefined || status.coherence !== undefined],
    ['mget', item.value, item.code !== undefined],
    ['WebSocket', pushed.value, pushed.code !== undefined],
  ];
}
