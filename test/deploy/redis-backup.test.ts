import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENT, reachesRedis } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get, jsonOf, post, put } from '../support/client.ts';
import { SERVICE_PASSWORD, setUpHost } from './redis-host.ts';

const KEYS = Array.from({ length: 50 }, (_, i) => `min_rate:SYM${i}`);
const LATER = 'min_rate:AFTER-THE-SNAPSHOT';

test('a value is served again from an RDB snapshot or the append-only file after all other data is lost', async (t) => {
  const host = await setUpHost();
  t.after(() => host.remove());
  let redis = await host.start();
  t.after(() => redis.stop());
  const service = await startService({
    env: {
      ...PATIENT,
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(redis.port),
      REDIS_USERNAME: 'ratecache',
      REDIS_PASSWORD: SERVICE_PASSWORD,
    },
  });
  t.after(() => service.stop('SIGKILL'));
  await reachesRedis(service);

  const entries = KEYS.map((key, i) => ({ key, value: i }));
  await post(service, '/v1/mset', { entries });
  assert.equal((await put(service, 'calculation:SHORT', '1', { query: '?ttl=0.5' })).status, 201);
  await host.run('Take a snapshot', 0);
  // Not five seconds, for others who might want the same snapshot.
  await redis.cli('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
  await host.run('Take a snapshot', 1);
  assert.equal((await put(service, LATER, '"kept by the AOF"')).status, 201);
  await host.run('Take the append-only file');

  await redis.stop();
  await host.loseData();
  await host.run('Restore a snapshot', 0);
  redis = await host.start();
  await host.run('Restore a snapshot', 1);
  await reachesRedis(service);
  assert.deepEqual(await fromRedis(service, KEYS), entries);
  assert.deepEqual(await fromRedis(service, [LATER]), []);
  assert.equal((await get(service, 'calculation:SHORT')).status, 404);
  // It has an AOF again, with the data in it: a restart needs no more than that.
  await redis.stop();
  redis = await host.start();
  assert.match(await redis.cli('CONFIG', 'GET', 'appendonly'), /yes/);
  await reachesRedis(service);
  assert.deepEqual(await fromRedis(service, KEYS), entries);

  await redis.stop();
  await host.loseData();
  await host.run('Restore the append-only file');
  redis = await host.start();
  await reachesRedis(service);
  assert.deepEqual(await fromRedis(service, KEYS), entries);
  assert.deepEqual(await fromRedis(service, [LATER]), [{ key: LATER, value: 'kept by the AOF' }]);
});

/** Those of the keys that are there, with their values, L1 left out. */
async function fromRedis(service: Service, keys: readonly string[]): Promise<unknown[]> {
  await post(service, '/v1/flush', { tier: 'local' });
  const { results } = await jsonOf(await post(service, '/v1/mget', { keys }));
  return results.flatMap(({ key, status, value }: Record<string, unknown>) =>
    status === 'hit' ? [{ key, value }] : [],
  );
}
