import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { put } from '../support/client.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const KEY = 'moved:A';

for (const moved of ['link', 'admin', 'data'])
  test(`when the ${moved} connection moves to another server, all connections move`, async (t) => {
    const [oldServer, newServer] = [await startRedis(), await startRedis()];
    const target = { port: oldServer.port };
    const proxy = await startTcpProxy(target);
    t.after(async () => {
      await proxy.close();
      await oldServer.stop();
      await newServer.stop();
    });
    const service = await serve(t, redisEnv(proxy));
    await reachesRedis(service);
    assert.equal((await put(service, KEY, '"old"')).status, 201);

    target.port = newServer.port;
    proxy.cut({ saying: `ratecache-${moved}` });
    await until(async () => {
      const clients = await newServer.cli('CLIENT', 'LIST');
      return ['link', 'admin', 'data'].every((name) => clients.includes(`name=ratecache-${name} `));
    });
    await service.waitForLog(
      ({ msg }) => msg?.startsWith('a connection reached another Redis server') === true,
    );
    assert.doesNotMatch(await oldServer.cli('CLIENT', 'LIST'), /name=ratecache/);
    // The old server has a value of the key; the new one has none.
    await reachesRedis(service);
    assert.equal((await service.fetch(`/v1/cache/${KEY}`)).status, 404);
    assert.equal((await put(service, KEY, '"new"')).status, 201);
    assert.equal(await newServer.cli('EXISTS', `borrow_rate_engine:${KEY}`), '1');
  });

test('a server with `timeout` keeps all connections', async (t) => {
  const redis = await startRedis({ args: ['--timeout', '2'] });
  t.after(() => redis.stop());
  const service = await serve(t, redisEnv(redis));
  await reachesRedis(service);
  const connections = async () =>
    (await redis.cli('CLIENT', 'LIST'))
      .match(/id=\d+(?= .*name=ratecache-)/g)!
      .sort()
      .join();
  const before = await connections();
  // Redis closes a connection that does nothing: this one proves that the time has passed.
  const idle = connect(redis.port, '127.0.0.1');
  await once(idle, 'close');
  assert.equal(await connections(), before);
  assert.ok(!service.logs.some(({ msg }) => msg?.startsWith('Redis connection lost')));
});

test('a rotated password in REDIS_PASSWORD_FILE works without a restart', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-password-'));
  const file = join(dir, 'password');
  await writeFile(file, 'one\n');
  const redis = await startRedis();
  t.after(async () => {
    await redis.stop();
    await rm(dir, { recursive: true });
  });
  await redis.cli('ACL', 'SETUSER', 'app', 'on', '>one', '~*', '&*', '+@all');
  const { REDIS_PASSWORD: _, ...address } = redisEnv(redis);
  const service = await serve(t, { ...address, REDIS_USERNAME: 'app', REDIS_PASSWORD_FILE: file });
  await reachesRedis(service);

  await redis.cli('ACL', 'SETUSER', 'app', '>two', '<one');
  await redis.cli('CLIENT', 'KILL', 'USER', 'app');
  await until(async () => (await (await service.fetch('/health')).text()).includes('WRONGPASS'));
  await writeFile(file, 'two\n');
  await reachesRedis(service);
  assert.equal((await put(service, KEY, '1')).status, 201);
  assert.doesNotMatch(JSON.stringify(service.logs), /"(one|two)"/);
});

async function serve(t: TestContext, env: Record<string, string>) {
  const service = await startService({ env: { ...PATIENT, ...env } });
  t.after(() => service.stop());
  return service;
}
