import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startRedis } from '../support/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../support/replicas.ts';
import { type Service, startService } from '../support/service.ts';
import { until } from '../support/until.ts';

test('a link that Redis does not allow to be armed is logged once, and once when it is armed', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const user = ['ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all'];
  await redis.cli(...user, '-client|tracking');
  const service = await serve(t, { ...redisEnv(redis), REDIS_USERNAME: 'app', REDIS_PASSWORD: 'secret' });

  const refusals = async () =>
    Number(/cmdstat_client\|tracking:.*rejected_calls=(\d+)/.exec(await stats())![1]);
  const stats = () => redis.cli('INFO', 'commandstats');
  await until(async () => (await refusals()) >= 4, { timeoutMs: 30_000 });
  const said = (text: string) =>
    service.logs.filter(
      ({ msg, connection }) => msg?.includes(text) && (connection === undefined || connection === 'link'),
    ).length;
  assert.equal(said('the invalidation link cannot be armed; retrying'), 1);
  assert.equal(said('Redis connection lost'), 0);
  assert.equal(said('Redis connected'), 0);

  await redis.cli(...user);
  await reachesRedis(service);
  assert.equal(said('the invalidation link cannot be armed; retrying'), 1);
  assert.equal(said('Redis connected'), 1);
});

async function serve(t: TestContext, env: Record<string, string>): Promise<Service> {
  const service = await startService({ env: { ...PATIENT, ...env } });
  t.after(() => service.stop('SIGKILL'));
  return service;
}
