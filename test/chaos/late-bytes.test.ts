import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { openConnection } from '../support/redis-connection.ts';
import { openStore } from '../support/redis-store.ts';
import { writeOf } from '../support/replica.ts';
import { startGarbler } from './garbler.ts';

// A pending write may reach Redis up to two seconds after it is sent, so its deadline alone does not prevent this.
test('a pending write delayed in a half-open connection does not undo a later deletion', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const garbler = await startGarbler(server);
  t.after(() => garbler.close());
  const { redis } = openConnection(t, garbler);
  await once(redis, 'ready');
  const versions = new VersionClock('0000000a');
  const store = openStore({ data: redis }, { keyPrefix: '' });
  // Loads the script on Redis, so that every later change is one command.
  await store.remove({ key: 'none', version: versions.next() });
  const version = versions.next();
  const pending = writeOf('a', '1', version, { condition: { is: 'if-older', version }, late: true });

  garbler.strand();
  const stranded = store.write(pending);
  await until(() => garbler.stranded > 0);
  redis.disconnect(true);
  await assert.rejects(stranded);
  await until(() => redis.status === 'ready');
  assert.equal((await store.write(pending)).status, 'created');
  assert.equal((await store.remove({ key: 'a', version: versions.next() })).status, 'deleted');

  garbler.release();
  // Redis reads the released bytes before these commands.
  for (let i = 0; i < 10; i++) await redis.ping();
  assert.equal(await store.read('a'), undefined);
});
