import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { put } from '../support/client.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const KEY = 'replicated:A';
const NAME = `borrow_rate_engine:${KEY}`;

test('a confirmed write is on a replica', async (t) => {
  const { service, replica } = await start(t);
  for (let i = 0; i < 50; i++) {
    const { status } = await put(service, KEY, String(i));
    assert.ok(status === 201 || status === 204);
    assert.ok((await replica.cli('GET', NAME)).includes(String(i)));
  }
  assert.equal((await service.fetch(`/v1/cache/${KEY}`, { method: 'DELETE' })).status, 204);
  assert.equal(await replica.cli('EXISTS', NAME), '0');
});

test('a write that no replica acknowledges stays pending until a replica has it', async (t) => {
  const { service, master, replica } = await start(t, { REDIS_COMMAND_TIMEOUT_MS: '1000' });
  await replica.signal('SIGKILL');
  const answer = await put(service, KEY, '1');
  assert.equal(answer.status, 202);
  assert.equal(((await answer.json()) as { status: string }).status, 'unknown');
  assert.ok(!(await master.cli('GET', NAME)).startsWith('nil'));
  const version = answer.headers.get('etag');
  assert.equal(await pending(service), 1);
  assert.equal(await (await service.fetch(`/v1/cache/${KEY}`)).text(), '1');

  await replica.restart();
  await follow(replica, master);
  await until(async () => (await pending(service)) === 0, { timeoutMs: 60_000 });
  assert.ok((await replica.cli('GET', NAME)).includes('1'));
  assert.equal((await service.fetch(`/v1/cache/${KEY}`)).headers.get('etag'), version);
});

test('a pending write that the master loses is made on the replica that replaces it', async (t) => {
  const { service, master, replica } = await start(t, { REDIS_COMMAND_TIMEOUT_MS: '1000' });
  await replica.cli('REPLICAOF', 'NO', 'ONE');
  assert.equal((await put(service, KEY, '1')).status, 202);
  await master.restart();
  await follow(replica, master);
  await until(async () => (await pending(service)) === 0, { timeoutMs: 60_000 });
  assert.ok((await replica.cli('GET', NAME)).includes('1'));
});

test('the report of a write without an answer does not prove that a replica has the write', async (t) => {
  const proxies: TcpProxy[] = [];
  const { service, master, replica } = await start(
    t,
    { REDIS_COMMAND_TIMEOUT_MS: '1000' },
    async (server) => {
      const proxy = await startTcpProxy(server);
      t.after(() => proxy.close());
      proxies.push(proxy);
      return proxy;
    },
  );
  const [proxy] = proxies;
  await replica.signal('SIGKILL');
  proxy!.freeze({ direction: 'down', saying: 'ratecache-writer' });
  // Redis makes the write, and the link reports it.
  assert.equal((await put(service, KEY, '1')).status, 202);
  assert.ok((await master.cli('GET', NAME)).includes('1'));
  proxy!.thaw();
  await reachesRedis(service);
  assert.equal((await put(service, `${KEY}-2`, '2')).status, 202);
  assert.equal(await pending(service), 2);

  await replica.restart();
  await follow(replica, master);
  await until(async () => (await pending(service)) === 0, { timeoutMs: 60_000 });
  assert.ok((await replica.cli('GET', NAME)).includes('1'));
});

test('a conditional write that no replica acknowledges is 503 write_unknown', async (t) => {
  const { service, replica } = await start(t, { REDIS_COMMAND_TIMEOUT_MS: '4000' });
  await replica.signal('SIGKILL');
  const answer = await put(service, KEY, '1', { headers: { 'if-none-match': '*' } });
  assert.equal(answer.status, 503);
  const problem = (await answer.json()) as { code: string; detail: string };
  assert.equal(problem.code, 'write_unknown');
  assert.match(problem.detail, /0 of 1 replicas acknowledged the change within 2000 ms/);
  assert.equal(await pending(service), 0);
});

test('a write whose condition fails does not wait for replicas', async (t) => {
  const { service, replica } = await start(t);
  await put(service, KEY, '1');
  await replica.signal('SIGSTOP');
  assert.equal((await put(service, KEY, '2', { headers: { 'if-none-match': '*' } })).status, 412);
  await replica.signal('SIGCONT');
});

test('reads do not wait behind a write that waits for replicas', async (t) => {
  const { service, replica } = await start(t, { REDIS_COMMAND_TIMEOUT_MS: '20000' });
  await replica.signal('SIGSTOP');
  let answered = false;
  const write = put(service, KEY, '1').then(({ status }) => {
    answered = true;
    return status;
  });
  for (let i = 0; i < 20; i++)
    assert.equal((await service.fetch(`/v1/cache/replicated:other-${i}`)).status, 404);
  assert.equal(answered, false);
  await replica.signal('SIGCONT');
  assert.equal(await write, 201);
});

/** A service whose writes wait for the one replica of its Redis. */
async function start(
  t: TestContext,
  env: Record<string, string> = {},
  front: (master: RedisServer) => Promise<{ readonly port: number }> = async (master) => master,
) {
  const master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  const replica = await startRedis();
  t.after(() => Promise.all([master.stop(), replica.stop()]));
  await follow(replica, master);
  const service = await startService({
    env: { ...PATIENT, ...redisEnv(await front(master)), REDIS_MIN_REPLICAS_ACK: '1', ...env },
  });
  t.after(() => service.stop());
  await reachesRedis(service);
  return { service, master, replica };
}

async function follow(replica: RedisServer, master: RedisServer): Promise<void> {
  await replica.cli('REPLICAOF', '127.0.0.1', String(master.port));
  await until(async () => (await replica.cli('INFO', 'replication')).includes('master_link_status:up'));
}

async function pending(service: Service): Promise<number> {
  const { pending_writes } = (await (await service.fetch('/health')).json()) as {
    pending_writes: { entries: number };
  };
  return pending_writes.entries;
}
