/** The moves of docs/deployment/topologies.md, and the users of deploy/redis on each topology. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { startCluster } from '../../loadtest/target/cluster.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { startSentinels } from '../../loadtest/target/sentinel.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get, post, put } from '../support/client.ts';

const PASSWORD = 'secret';
const KEYS = Array.from({ length: 200 }, (_, i) => `borrow_rate:K${i}`);
const AS_RATECACHE = { REDIS_USERNAME: 'ratecache', REDIS_PASSWORD: PASSWORD, REDIS_MIN_REPLICAS_ACK: '1' };

async function open(t: TestContext, env: Record<string, string>): Promise<Service> {
  const service = await startService({ env: { ...PATIENT, ...env } });
  t.after(() => service.stop('SIGKILL'));
  await reachesRedis(service);
  return service;
}

/** The rules of a user in a file of `deploy/redis`, with a known password. */
function rulesOf(file: string, user: string): string[] {
  const text = readFileSync(`deploy/redis/${file}`, 'utf8');
  const [, rules] = new RegExp(`^user ${user} on #@\\w+@ (.*)$`, 'm').exec(text)!;
  return [user, 'on', `>${PASSWORD}`, ...rules!.split(' ')];
}

function serverArgs(file: string, users: readonly string[]): string[] {
  const replication = ['--masteruser', 'replica', '--masterauth', PASSWORD];
  return [...users.flatMap((user) => ['--user', ...rulesOf(file, user)]), ...replication];
}

async function writeAll(service: Service): Promise<void> {
  const entries = KEYS.map((key, value) => ({ key, value }));
  const { results } = (await (await post(service, '/v1/mset', { entries })).json()) as {
    results: { status: string; code?: string }[];
  };
  assert.ok(results.every(({ status, code }) => status === 'stored' && code === undefined));
}

async function valuesOf(service: Service): Promise<unknown[]> {
  const answer = await post(service, '/v1/mget', { keys: KEYS });
  return ((await answer.json()) as { results: { value: unknown }[] }).results.map(({ value }) => value);
}

async function nothingWasRefused(servers: readonly RedisServer[]): Promise<void> {
  for (const server of servers) assert.equal(await server.cli('ACL', 'LOG'), '', `port ${server.port}`);
}

test('one server becomes the master of Sentinels, and hands over, without a cold cache or a stale read', async (t) => {
  const file = 'users-sentinel.acl';
  const group = await startSentinels({ args: serverArgs(file, ['ratecache', 'replica', 'sentinel']) });
  t.after(() => group.stop());
  for (const i of [0, 1, 2]) {
    await group.cli(i, 'ACL', 'SETUSER', ...rulesOf('sentinel-users.acl', 'ratecache'));
    await group.cli(i, 'SENTINEL', 'SET', 'rates', 'auth-user', 'sentinel', 'auth-pass', PASSWORD);
  }
  const sentinelUser = { REDIS_SENTINEL_USERNAME: 'ratecache', REDIS_SENTINEL_PASSWORD: PASSWORD };
  const before = await open(t, { ...redisEnv(group.servers[0]!), ...AS_RATECACHE });
  await writeAll(before);
  const after = await open(t, { ...group.env, ...sentinelUser, ...AS_RATECACHE });

  assert.deepEqual(
    await valuesOf(after),
    KEYS.map((_, i) => i),
  );
  assert.equal(await (await get(before, KEYS[0]!)).text(), '0');
  assert.equal((await put(after, KEYS[0]!, '"new"')).status, 204);
  await until(async () => (await (await get(before, KEYS[0]!)).text()) === '"new"');
  await before.stop();

  await group.cli(0, 'SENTINEL', 'FAILOVER', 'rates');
  await until(async () => ![undefined, group.servers[0]!.port].includes(await group.masterPort()), {
    timeoutMs: 60_000,
  });
  await until(async () => (await group.servers[0]!.cli('INFO', 'replication')).includes('role:slave'), {
    timeoutMs: 60_000,
  });
  await until(async () => (await put(after, KEYS[1]!, '"moved"')).status === 204, { timeoutMs: 60_000 });
  await reachesRedis(after);
  assert.deepEqual(await valuesOf(after), ['new', 'moved', ...KEYS.slice(2).map((_, i) => i + 2)]);
  await nothingWasRefused(group.servers);
  for (const i of [0, 1, 2]) assert.equal(await group.cli(i, 'ACL', 'LOG'), '', `Sentinel ${i}`);
});

test('the keys of one server are imported into a Cluster with their TTL and version, twice', async (t) => {
  const old = await startRedis();
  t.after(() => old.stop());
  const file = 'users-cluster.acl';
  const cluster = await startCluster({ args: serverArgs(file, ['ratecache', 'replica']) });
  t.after(() => cluster.stop());
  const before = await open(t, redisEnv(old));
  await writeAll(before);
  const [from, to] = [`127.0.0.1:${old.port}`, `127.0.0.1:${cluster.servers[0]!.port}`];
  const flags = ['--cluster-from', from, '--cluster-copy', '--cluster-replace'];
  const copy = () => promisify(execFile)('redis-cli', ['--cluster', 'import', to, ...flags]);
  await copy();
  assert.equal((await put(before, KEYS[0]!, '"newer"')).status, 204);
  await copy();

  const service = await open(t, { REDIS_CLUSTER_NODES: cluster.addresses, ...AS_RATECACHE });
  assert.deepEqual(await valuesOf(service), ['newer', ...KEYS.slice(1).map((_, i) => i + 1)]);
  for (const key of KEYS.slice(0, 3)) {
    const [was, is] = await Promise.all([get(before, key), get(service, key)]);
    assert.equal(is.headers.get('etag'), was.headers.get('etag'));
    const name = `borrow_rate_engine:${key}`;
    const deadlines = await Promise.all([
      old.cli('PEXPIRETIME', name),
      cluster.cli(name, 'PEXPIRETIME', name),
    ]);
    // MIGRATE sends what is left of the TTL, so the copy expires later by the time on the way.
    assert.ok(Number(deadlines[1]) >= Number(deadlines[0]), deadlines.join());
  }
  assert.equal((await put(service, KEYS[0]!, '1')).status, 204);
  await (await post(service, '/v1/flush')).arrayBuffer();
  assert.equal((await get(service, KEYS[5]!)).status, 404);
  await nothingWasRefused(cluster.servers);
});
