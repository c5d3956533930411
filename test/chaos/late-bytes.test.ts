import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { openConnection } from '../support/redis-connection.ts';
import { startGarbler } from './garbler.ts';

test('what was sent into a connection that went half open does not arrive after what the next one wrote', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const garbler = await startGarbler(server);
  t.after(() => garbler.close());
  const { redis } = openConnection(t, garbler);
  await once(redis, 'ready');
  await redis.set('a', '1');

  garbler.strand();
  const stranded = redis.set('a', '2');
  await sleep(20);
  redis.disconnect(true);
  await assert.rejects(stranded);
  await until(() => redis.status === 'ready');
  await redis.set('a', '3');

  garbler.release();
  await sleep(100);
  assert.equal(await redis.get('a'), '3');
});
