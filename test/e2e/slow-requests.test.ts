/** SLOW_REQUEST_MS: what a slow request waited for. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import type { LogLine, Service } from '../../loadtest/target/service.ts';
import { del, get, post, put } from '../support/client.ts';
import { whileFrozen } from '../support/while-frozen.ts';
import { connectWs } from '../support/ws-client.ts';

const THRESHOLD_MS = 50;

let redis: RedisServer;
let service: Service;

before(async () => {
  redis = await startRedis();
  service = await startReplica(redis, {
    SLOW_REQUEST_MS: String(THRESHOLD_MS),
    REDIS_COMMAND_TIMEOUT_MS: '30000',
  });
});

after(async () => {
  await service?.stop();
  await redis?.stop();
});

async function openRequests(): Promise<number> {
  const text = await (await service.fetch('/metrics')).text();
  return Number(/^ratecache_http_open_requests (\d+)$/m.exec(text)![1]);
}

/** Resolves when this many requests have been open for longer than the threshold. */
async function openTooLong(count = 1): Promise<void> {
  // The request for the metrics is open too.
  await until(async () => (await openRequests()) > count);
  await delay(THRESHOLD_MS + 20);
}

const lineOf = (operation: string, key: string): Promise<LogLine> =>
  service.waitForLog(
    (line) => line.msg === 'slow request' && line.operation === operation && line.key === key,
  );

test('a read that waits for Redis has a line with its tiers, and a quick one has none', async () => {
  await put(service, 'x:slow', '1');
  await put(service, 'x:quick', '1');
  const [answer] = await whileFrozen(redis, async () => {
    const asked = get(service, 'x:slow');
    await openTooLong();
    return [asked] as const;
  });
  assert.equal((await answer).status, 200);
  await reachesRedis(service);
  const line = await lineOf('GET /v1/cache/{key}', 'x:slow');
  assert.ok(Number(line.ms) >= THRESHOLD_MS);
  assert.equal(line.outcome, '200');
  assert.match(String(line.cache_status), /^ratecache-l2; hit/);
  assert.equal(line.body_ms, undefined);
  assert.ok(Number(line.redis_ms) >= THRESHOLD_MS && Number(line.redis_ms) <= Number(line.ms));
  // A busy machine may make a request slow. What is here has taken less than the threshold by its own measure.
  for (const { msg, ms } of service.logs) if (msg === 'slow request') assert.ok(Number(ms) >= THRESHOLD_MS);
});

test('a write whose client sends its body slowly shows that it waited for the body', async (t) => {
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  await connection.send(
    'PUT /v1/cache/x:body HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n1',
  );
  await openTooLong();
  await connection.send('2');
  assert.equal((await connection.readResponses(1))[0]!.status, 201);
  const line = await lineOf('PUT /v1/cache/{key}', 'x:body');
  assert.ok(Number(line.body_ms) >= THRESHOLD_MS);
  assert.ok(Number(line.ms) >= Number(line.body_ms));
  assert.ok(Number(line.redis_ms ?? 0) <= Number(line.after_body_ms) + 0.1);
});

test('writes and batches that wait for Redis have a line with the time of that wait', async () => {
  await put(service, 'x:deleted', '1');
  await whileFrozen(redis, async () => {
    const asked = [
      put(service, 'x:written', '1'),
      del(service, 'x:deleted'),
      post(service, '/v1/mget', { keys: ['x:absent'] }),
    ];
    await openTooLong(asked.length);
    return asked;
  }).then((asked) => Promise.all(asked));
  await reachesRedis(service);
  const lines = await Promise.all([
    lineOf('PUT /v1/cache/{key}', 'x:written'),
    lineOf('DELETE /v1/cache/{key}', 'x:deleted'),
    service.waitForLog(({ msg, operation }) => msg === 'slow request' && operation === 'POST /v1/mget'),
  ]);
  for (const { operation, ms, redis_ms: redisMs } of lines) {
    assert.ok(Number(redisMs) >= THRESHOLD_MS, String(operation));
    assert.ok(Number(redisMs) <= Number(ms), String(operation));
  }
});

test('a slow request of a WebSocket has a line too', async (t) => {
  const ws = await connectWs(service);
  t.after(() => ws.close());
  await whileFrozen(redis, async () => {
    const asked = ws.request('get', { key: 'x:socket' });
    // The service answers a ping after it has read the request before.
    await ws.request('ping');
    await delay(THRESHOLD_MS + 20);
    return [asked] as const;
  });
  const line = await lineOf('ws get', 'x:socket');
  assert.equal(line.outcome, 'ok');
});
