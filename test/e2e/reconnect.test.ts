import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { put } from '../support/client.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { connectWs } from '../support/ws-client.ts';

test('a link that an ACL prevents from arming is logged once, and logged again once it is armed', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const user = ['ACL', 'SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all'];
  await redis.cli(...user, '-client|tracking');
  const service = await serve(t, { ...redisEnv(redis), REDIS_USERNAME: 'app', REDIS_PASSWORD: 'secret' });

  const refusals = async () =>
    Number(/cmdstat_client\|tracking:.*rejected_calls=(\d+)/.exec(await stats())![1]);
  const stats = () => redis.cli('INFO', 'commandstats');
  await until(async () => (await refusals()) >= 4, { timeoutMs: 60_000 });
  const logged = (text: string) =>
    service.logs.filter(
      ({ msg, connection }) => msg?.includes(text) && (connection === undefined || connection === 'link'),
    ).length;
  // The log line arrives after Redis has counted the refusal.
  await until(() => logged('the invalidation link cannot be armed; retrying') > 0);
  assert.equal(logged('the invalidation link cannot be armed; retrying'), 1);
  assert.equal(logged('Redis connection lost'), 0);
  assert.equal(logged('Redis connected'), 0);

  await redis.cli(...user);
  await reachesRedis(service);
  // The service answers before its line is written.
  await until(() => logged('Redis connected') > 0);
  assert.equal(logged('the invalidation link cannot be armed; retrying'), 1);
  assert.equal(logged('Redis connected'), 1);
});

test('while Redis is a replica, its connections stay open and no subscriber is reset', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await serve(t, redisEnv(redis));
  await reachesRedis(service);
  const subscriber = await connectWs(service);
  t.after(() => subscriber.close());
  await subscriber.subscribe({ id: 1, keys: ['replica:A'] });
  const connections = async () =>
    (await redis.cli('CLIENT', 'LIST')).match(/id=\d+(?= .*name=ratecache-(?:data|admin|link))/g)!;
  const before = await connections();
  assert.equal(before.length, 3);

  await redis.cli('REPLICAOF', '127.0.0.1', '1');
  assert.equal((await put(service, 'replica:A', '1')).status, 202);
  // The service sends ROLE on a connection that it closes after the reply.
  await until(async () => /cmdstat_role:calls=\d/.test(await redis.cli('INFO', 'commandstats')));
  await until(async () => !(await redis.cli('CLIENT', 'LIST')).includes('name=ratecache-role'));
  assert.equal((await put(service, 'replica:A', '2')).status, 202);
  assert.deepEqual(await connections(), before);
  assert.ok(!subscriber.events.some(({ event }) => event === 'reset'));
});

test('when the address of a replica leads to a master, the service reconnects and applies pending writes', async (t) => {
  const [old, master] = await Promise.all([startRedis(), startRedis()]);
  const target = { port: old.port };
  const proxy = await startTcpProxy(target);
  t.after(() => Promise.all([old.stop(), master.stop(), proxy.close()]));
  const service = await serve(t, { ...redisEnv(old), REDIS_PORT: String(proxy.port) });
  await reachesRedis(service);

  target.port = master.port;
  await old.cli('REPLICAOF', '127.0.0.1', '1');
  await put(service, 'failover:A', '1');
  await service.waitForLog(({ msg }) => msg?.includes('now leads to a master') ?? false);
  await until(async () => (await master.cli('EXISTS', 'borrow_rate_engine:failover:A')) === '1');
  await reachesRedis(service);
  assert.equal((await put(service, 'failover:A', '2')).status, 204);
});

async function serve(t: TestContext, env: Record<string, string>): Promise<Service> {
  const service = await startService({ env: { ...PATIENT, ...env } });
  t.after(() => service.stop('SIGKILL'));
  return service;
}
