import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { TYPES } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { RedisStore } from '../../src/redis/redis-store.ts';
import { openConnection } from '../support/redis-connection.ts';
import { syncedClock } from '../support/synced-clock.ts';
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
  const store = new RedisStore(
    {
      compressionThresholdBytes: 0,
      maxValueBytes: 1024,
      keyPrefix: '',
      commandTimeoutMs: 5000,
      ttls: TYPES.map(() => 60_000),
      channel: undefined,
      origin: 'test',
      db: 0,
    },
    {
      data: redis,
      admin: redis,
      counters: new Counters(),
      clock: syncedClock(),
      onUnreadable: () => {},
    },
  );
  // Loads the script on Redis, so that every later change is one command.
  await store.remove({ key: 'none', version: versions.next() });
  const storedAt = Date.now();
  const version = versions.next();
  const pending = {
    key: 'a',
    value: { encoding: 'json', body: '1' },
    version,
    storedAt,
    expiresAt: storedAt + 60_000,
    condition: { is: 'if-older', version },
    late: true,
  } as const;

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
