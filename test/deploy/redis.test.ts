import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT, reachesRedis } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { del, get, jsonOf, post, put } from '../support/client.ts';
import { type ConfiguredRedis, startConfiguredRedis } from '../support/configured-redis.ts';
import { explainedBy } from '../support/explain.ts';
import { SERVICE_PASSWORD, setUpHost } from './redis-host.ts';

const CONNECTIONS_OF_A_PROCESS = 3;

/** What both files must say, in the words of CONFIG GET. */
const COMMON = {
  'maxmemory-policy': 'volatile-lru',
  timeout: '0',
  'tcp-keepalive': '60',
  'client-output-buffer-limit': /pubsub 67108864 16777216 10/,
};

/** Further settings of the production configuration. */
const PRODUCTION = {
  ...COMMON,
  maxmemory: String(4 * 2 ** 30),
  maxclients: '1200',
  save: '3600 1 300 100 60 10000',
  appendonly: 'yes',
  appendfsync: 'everysec',
  'stop-writes-on-bgsave-error': 'no',
};

/** A replica as production configures it, but for where Redis is. */
async function startReplica(redis: ConfiguredRedis, env: Record<string, string> = {}): Promise<Service> {
  const here = { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port), REDIS_PASSWORD: SERVICE_PASSWORD };
  const service = await startService({ env: { REDIS_USERNAME: 'ratecache', ...here, ...PATIENT, ...env } });
  await reachesRedis(service);
  return service;
}

async function assertInForce(
  redis: ConfiguredRedis,
  expected: Record<string, string | RegExp>,
): Promise<void> {
  for (const [name, value] of Object.entries(expected)) {
    const held = (await redis.cli('CONFIG', 'GET', name)).split('\n')[1] ?? '';
    assert.match(held, value instanceof RegExp ? value : new RegExp(`^${value}$`), name);
  }
}

test('redis-server starts with the production configuration and users, and applies both', async (t) => {
  const host = await setUpHost();
  t.after(() => host.remove());
  const redis = await host.start();
  t.after(() => redis.stop());
  await assertInForce(redis, PRODUCTION);
  assert.deepEqual((await redis.cli('ACL', 'USERS')).split('\n').sort(), [
    'default',
    'operator',
    'ratecache',
  ]);
});

test('redis-server starts with the dev configuration, persists nothing, and has the same rules for the service', async (t) => {
  const redis = await startConfiguredRedis({ file: 'deploy/redis/dev.conf' });
  t.after(() => redis.stop());
  await assertInForce(redis, { ...COMMON, save: '', appendonly: 'no' });
});

test('the user ratecache may run every command of the service, and no unused one', async (t) => {
  const host = await setUpHost();
  t.after(() => host.remove());
  let redis = await host.start();
  t.after(() => redis.stop());
  // Not database 0, so that it has to be selected.
  const env = { REDIS_DB: '3' };
  const [replica, other] = await Promise.all([startReplica(redis, env), startReplica(redis, env)]);
  t.after(() => Promise.all([replica.stop('SIGKILL'), other.stop('SIGKILL')]));
  const operator = (...command: string[]) => redis.cli('-n', '3', ...command);
  const used = new Set<string>();
  const noteCommands = async () => {
    for (const [, name] of (await redis.cli('INFO', 'commandstats')).matchAll(/^cmdstat_(\S+?):/gm))
      used.add(name!);
  };

  const clients = (await operator('CLIENT', 'LIST')).split('\n');
  assert.equal(
    clients.filter((line) => line.includes('user=ratecache')).length,
    2 * CONNECTIONS_OF_A_PROCESS,
  );

  // Coherent: a replica drops its copy when another replica or another program writes the key.
  assert.equal((await put(replica, 'borrow_rate:AAPL', '1')).status, 201);
  await reads(other, 'borrow_rate:AAPL', '1');
  assert.equal((await put(replica, 'borrow_rate:AAPL', '2')).status, 204);
  await reads(other, 'borrow_rate:AAPL', '2');
  const predecessor = JSON.stringify({ value: 3, timestamp: Date.now() / 1000, source: 'api' });
  await operator('SET', 'borrow_rate_engine:borrow_rate:AAPL', predecessor);
  await reads(replica, 'borrow_rate:AAPL', '3');
  assert.equal((await put(other, 'borrow_rate:AAPL', '4')).status, 204);
  await reads(replica, 'borrow_rate:AAPL', '4');

  const mark = { keys: ['borrow_rate:AAPL'], state: 'suspect', reason: 'why', ttl: 600 };
  assert.equal((await post(replica, '/v1/marks', mark)).status, 201);
  await until(async () => (await jsonOf(await other.fetch('/v1/marks'))).marks.length === 1);
  assert.deepEqual(await jsonOf(await post(other, '/v1/unmark', { keys: mark.keys })), { removed: 1 });

  const source = await replica.fetch('/v1/sources/feed', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ types: ['borrow_rate'], ttl: 600 }),
  });
  assert.equal(source.status, 200);
  assert.equal((await replica.fetch('/v1/sources/feed', { method: 'DELETE' })).status, 200);

  const calculation = 'calculation:AAPL:client:fee';
  assert.equal((await put(replica, calculation, '1')).status, 201);
  await reads(other, calculation, '1');
  assert.equal((await put(replica, 'borrow_rate:AAPL', '4')).status, 204);
  await until(async () => (await get(other, calculation)).status === 404);
  assert.equal((await del(replica, calculation)).status, 204);
  assert.equal((await post(replica, '/v1/cleanup')).status, 200);

  const once = { headers: { 'Idempotency-Key': 'once', 'If-None-Match': '*' } };
  for (const service of [replica, other])
    assert.equal((await put(service, 'min_rate:AAPL', '1', once)).status, 201, 'a repeated write');
  assert.equal((await del(replica, 'min_rate:AAPL')).status, 204);

  const entries = ['A', 'B', 'C'].map((id) => ({ key: `volatility:${id}`, value: id }));
  const stored = await jsonOf(await post(replica, '/v1/mset', { entries }));
  assert.ok(
    stored.results.every((item: { status: string; code?: string }) => item.status === 'stored' && !item.code),
  );
  assert.equal((await jsonOf(await post(other, '/v1/warmup'))).warmed, 4);
  const listed = await jsonOf(await replica.fetch('/v1/keys?type=volatility&limit=1000'));
  assert.deepEqual(
    listed.keys.map(({ key }: { key: string }) => key).sort(),
    ['A', 'B', 'C'].map((id) => `volatility:${id}`),
  );
  const stats = await until(async () => {
    const now = await jsonOf(await replica.fetch('/stats'));
    return now.connected ? now : undefined;
  });
  assert.deepEqual([stats.connected, stats.keys_count, stats.categories.volatility], [true, 4, 3]);
  assert.equal(
    (await jsonOf(await post(replica, '/v1/mdelete', { keys: ['volatility:A'] }))).results[0].status,
    'deleted',
  );
  assert.equal(
    (await jsonOf(await post(replica, '/v1/invalidate', { types: ['volatility'] }))).invalidated,
    2,
  );
  await until(async () => (await get(other, 'volatility:B')).status === 404);
  await operator('HSET', 'borrow_rate_engine:hash', 'a', '1');
  const { redis: hash, replicas } = await explainedBy(replica, 'hash', 2);
  assert.deepEqual([hash, replicas.length], [{ state: 'other_type', type: 'hash' }, 2]);
  await operator('DEL', 'borrow_rate_engine:hash');

  // A crash: the connections are made anew, the old ones ended, the data is loaded, L1 armed again. A batch is what
  // Redis writes down as a transaction, and loads with the rights of the default user, though nobody can be that.
  await post(replica, '/v1/mset', { entries });
  await noteCommands();
  assert.equal(await redis.cli('ACL', 'LOG'), '', 'a command was refused');
  await redis.stop();
  redis = await host.start();
  const batch = entries.map(({ key }) => `borrow_rate_engine:${key}`);
  assert.equal(await operator('EXISTS', ...batch), '3');
  await Promise.all([reachesRedis(replica), reachesRedis(other)]);
  await reads(replica, 'borrow_rate:AAPL', '4');
  const { coherence, redis: seen } = await until(async () => {
    const now = await jsonOf(await replica.fetch('/health'));
    return now.status === 'healthy' ? now : undefined;
  });
  assert.deepEqual([coherence, seen.connected], ['coherent', true]);
  assert.match(await (await replica.fetch('/metrics')).text(), /^redis_memory_max_bytes 4294967296$/m);
  assert.deepEqual((await jsonOf(await post(replica, '/v1/flush'))).flushed.redis, 4);

  assert.equal(await redis.cli('ACL', 'LOG'), '', 'a command was refused');
  await noteCommands();
  const [granted] = /-@all (.*)$/m
    .exec(/^user ratecache .*$/m.exec(readFileSync('deploy/redis/users.acl', 'utf8'))![0])!
    .slice(1);
  const grantedInVain = granted!
    .split(' ')
    .map((rule) => rule.slice(1))
    .filter((command) => !used.has(command));
  assert.deepEqual(grantedInVain, []);
});

test('no other user has rights, and ratecache may touch only its own keys and channels', async (t) => {
  const host = await setUpHost();
  t.after(() => host.remove());
  const redis = await host.start();
  t.after(() => redis.stop());
  const refused = (pattern: RegExp, ...command: string[]) => assert.rejects(redis.cli(...command), pattern);
  await redis.cli('SET', 'payroll:1', 'x');
  const as = (user: string, password: string) => ['--user', user, '-a', password, '--no-auth-warning'];
  const service = as('ratecache', SERVICE_PASSWORD);
  assert.equal(await redis.cli(...service, 'PING'), 'PONG');
  for (const command of [
    'FLUSHALL',
    'FLUSHDB',
    'KEYS *',
    'CONFIG GET maxmemory',
    'ACL LIST',
    'SAVE',
    'MONITOR',
    'DEL a',
  ])
    await refused(/NOPERM/, ...service, ...command.split(' '));
  await refused(/NOPERM/, ...service, 'GET', 'payroll:1');
  await refused(/NOPERM/, ...service, 'EVAL', "return redis.call('GET', KEYS[1])", '1', 'payroll:1');
  await refused(/NOPERM/, ...service, 'PUBLISH', 'orders', 'x');
  await refused(/WRONGPASS/, ...as('ratecache', 'guessed'), 'PING');
  await refused(/WRONGPASS/, ...as('default', ''), 'PING');
});

test('a full Redis accepts writes, evicts unused values, and never evicts keys without an expiry', async (t) => {
  const redis = await startConfiguredRedis({ file: 'deploy/redis/dev.conf', args: ['--maxmemory', '8mb'] });
  t.after(() => redis.stop());
  const service = await startReplica(redis, { REDIS_USERNAME: '', REDIS_PASSWORD: '' });
  t.after(() => service.stop('SIGKILL'));
  await redis.cli('SET', 'somebody:else', 'forever');
  for (let batch = 0; batch < 30; batch++) {
    const entries = Array.from({ length: 20 }, (_, i) => ({
      key: `calculation:${batch}:${i}`,
      value: randomBytes(15_000).toString('base64'),
    }));
    const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
    for (const { status, code } of results) assert.deepEqual([status, code], ['stored', undefined]);
  }
  assert.match(await redis.cli('INFO', 'stats'), /evicted_keys:[1-9]/);
  assert.equal(await redis.cli('GET', 'somebody:else'), 'forever');
});

/** Waits until the service returns this value, as it must after the invalidation message. */
async function reads(service: Service, key: string, value: string): Promise<void> {
  await until(async () => (await (await get(service, key)).text()) === value);
}
