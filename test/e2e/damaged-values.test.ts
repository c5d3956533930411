import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { pack } from '../../src/redis/envelope.ts';
import { get, jsonOf, MSGPACK_TYPE, post, put } from '../support/client.ts';
import { connectWs, MSGPACK_PROTOCOL } from '../support/ws-client.ts';

const LIMITS = { compressionThresholdBytes: 0, maxValueBytes: 1 << 20 };

test('a value that is not well formed, with a valid checksum, is refused for its key alone', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const service = await startReplica(server);
  t.after(() => service.stop());
  const redis = new Redis({ port: server.port });
  t.after(() => redis.disconnect());
  await once(redis, 'ready');
  const subscriber = await connectWs(service, { protocol: MSGPACK_PROTOCOL });
  t.after(() => subscriber.close());
  await subscriber.subscribe({ keys: ['borrow_rate:A'], values: true });

  const later = Date.now() + 60_000;
  const damaged = { encoding: 'json', body: '{"rate":"\\u04"}' } as const;
  await redis.set('borrow_rate_engine:borrow_rate:A', pack(damaged, 'f'.repeat(24), 0, later, LIMITS));
  await put(service, 'borrow_rate:B', '1');

  const { event, key } = await subscriber.nextEvent();
  assert.deepEqual([event, key], ['invalidate', 'borrow_rate:A']);
  assert.equal((await get(service, 'borrow_rate:A', { accept: MSGPACK_TYPE })).status, 406);
  const { results } = await subscriber.request('mget', { keys: ['borrow_rate:A', 'borrow_rate:B'] });
  assert.deepEqual(
    (results as { code?: string; value?: unknown }[]).map(({ code, value }) => code ?? value),
    ['not_acceptable', 1],
  );
  assert.equal((await post(service, '/v1/mget', { keys: ['borrow_rate:B'] })).status, 200);
  assert.equal((await jsonOf(await service.fetch('/health'))).status, 'healthy');
});
