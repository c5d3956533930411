import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { healthOf } from '../cli/health.ts';
import { JSON_TYPE, jsonOf, pathOf, post, put } from '../support/client.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { tokensFile } from '../support/tokens.ts';

let redis: RedisServer;
let one: Service;
let two: Service;

before(async () => {
  redis = await startRedis();
  [one, two] = await Promise.all([startReplica(redis), startReplica(redis)]);
});

after(async () => {
  await Promise.all([one?.stop(), two?.stop()]);
  await redis?.stop();
});

async function statusOf(service: Service, key: string, query = '') {
  const response = await service.fetch(pathOf(key) + query);
  return {
    status: response.status,
    cacheStatus: response.headers.get('cache-status') ?? '',
    text: await response.text(),
  };
}

async function mark(service: Service, body: object): Promise<string> {
  const response = await post(service, '/v1/marks', { ttl: 600, reason: 'halted until the open', ...body });
  assert.equal(response.status, 201);
  return (await jsonOf(response)).id;
}

async function heartbeat(service: Service, name: string, ttl: number, prefix: string) {
  const response = await service.fetch(`/v1/sources/${name}`, {
    method: 'PUT',
    headers: { 'content-type': JSON_TYPE },
    body: JSON.stringify({ prefixes: [prefix], ttl }),
  });
  assert.equal(response.status, 200, await response.clone().text());
}

test('a halted key is refused on every replica until the mark is removed', async () => {
  const key = 'borrow_rate:HALT';
  await put(one, key, '1');
  const id = await mark(one, { keys: [key], state: 'halted' });
  await until(async () => (await statusOf(two, key)).status === 503);
  const refused = await statusOf(one, key);
  const { code, detail } = JSON.parse(refused.text);
  assert.deepEqual([refused.status, code, detail], [503, 'halted', 'halted until the open']);
  const served = await statusOf(two, key, '?halted=serve');
  assert.equal(served.status, 200);
  assert.match(served.cacheStatus, /; halted$/);
  assert.equal((await put(two, key, '2')).status, 204, 'writes of halted keys are accepted');
  assert.deepEqual(await jsonOf(await two.fetch(`/v1/marks/${id}`, { method: 'DELETE' })), { removed: 1 });
  await until(async () => (await statusOf(one, key)).text === '2');
});

test('what a dead source wrote is suspect, and a heartbeat or a write heals it', async () => {
  const key = 'fees:SRC:1';
  await put(one, key, '1');
  await heartbeat(one, 'feed', 0.2, 'fees:SRC');
  await until(async () => /; suspect$/.test((await statusOf(two, key)).cacheStatus));
  await until(async () => /; suspect$/.test((await statusOf(one, key)).cacheStatus));
  const { summary } = await jsonOf(await one.fetch(`/v1/explain/${key}`));
  assert.match(summary, /The value is suspect: the source \S+ has sent no heartbeat since \S+Z\./);
  await put(two, key, '2');
  await until(async () => (await statusOf(one, key)).text === '2');
  assert.doesNotMatch((await statusOf(one, key)).cacheStatus, /suspect/, 'a later write is good');
  await put(one, 'fees:SRC:2', '1', { query: '?source=other' });
  await heartbeat(two, 'feed', 600, 'fees:SRC');
  await until(async () => (await jsonOf(await one.fetch('/v1/sources'))).sources[0].state === 'alive');
});

test('marks survive a flush, and are invisible as keys', async () => {
  const id = await mark(one, { types: ['volatility'], state: 'suspect' });
  assert.equal((await post(one, '/v1/flush', {})).status, 200);
  await put(one, 'volatility:X', '1');
  assert.match((await statusOf(one, 'volatility:X')).cacheStatus, /; suspect$/);
  const { keys } = await jsonOf(await one.fetch('/v1/keys'));
  assert.deepEqual(
    keys.map(({ key }: { key: string }) => key),
    ['volatility:X'],
  );
  assert.deepEqual(await jsonOf(await post(one, '/v1/unmark', { types: ['volatility'] })), { removed: 1 });
  await until(async () => !(await statusOf(two, 'volatility:X')).cacheStatus.includes('suspect'));
  assert.deepEqual(await jsonOf(await one.fetch(`/v1/marks/${id}`, { method: 'DELETE' })), { removed: 0 });
});

test('replicas that start later, and a mark that redis-cli deletes, agree', async (t) => {
  const key = 'borrow_rate:LATE';
  await mark(one, { prefixes: ['borrow_rate:LA'], state: 'halted' });
  const three = await startReplica(redis);
  t.after(() => three.stop());
  await until(async () => (await statusOf(three, key)).status === 503);
  await redis.cli('FLUSHALL');
  for (const service of [one, two, three])
    await until(async () => (await statusOf(service, key)).status === 404);
});

test('a heartbeat makes the replicas load the sources, and not the marks', async (t) => {
  const monitor = connect(redis.port, '127.0.0.1');
  t.after(() => monitor.destroy());
  let commands = '';
  monitor.setEncoding('utf8').on('data', (text: string) => {
    commands += text;
  });
  monitor.write('MONITOR\r\n');
  await until(() => commands.includes('OK'));
  const loads = (kind: string) =>
    commands.match(new RegExp(`"hgetall" "__ratecache__:quality:${kind}`, 'gi')) ?? [];
  for (let i = 1; i <= 3; i++) {
    await heartbeat(one, 'beating', 600, 'borrow_rate:');
    // One load of the replica that has made the change, and one of each that heard of it.
    await until(() => loads('sources').length >= 3 * i);
  }
  assert.deepEqual(loads('marks'), []);
  await mark(one, { keys: ['borrow_rate:BEAT'], state: 'halted' });
  await until(() => loads('marks').length >= 3);
  assert.equal((await one.fetch('/v1/sources/beating', { method: 'DELETE' })).status, 200);
  await post(one, '/v1/unmark', { keys: ['borrow_rate:BEAT'] });
});

test('a replica that starts never serves a halted value', async (t) => {
  const key = 'borrow_rate:START';
  await put(one, key, '1');
  await mark(one, { keys: [key], state: 'halted' });
  for (let i = 0; i < 3; i++) {
    const service = await startService({ env: { ...redisEnv(redis), ...PATIENT } });
    t.after(() => service.stop());
    const statuses = new Set<number>();
    await until(
      async () => {
        const { status } = await statusOf(service, key);
        statuses.add(status);
        return status === 503;
      },
      { everyMs: 0 },
    );
    assert.ok(!statuses.has(200), `${[...statuses]}`);
  }
  await post(one, '/v1/unmark', { keys: [key] });
});

test('a mark ends with its time to live', async () => {
  const key = 'borrow_rate:SHORT';
  await mark(one, { keys: [key], state: 'halted', ttl: 3 });
  await until(async () => (await statusOf(two, key)).status === 503);
  await until(async () => (await statusOf(two, key)).status === 404);
});

test('marks and sources that name more than 10,000 keys together are refused', async () => {
  const keys = (from: number) => Array.from({ length: 1000 }, (_, i) => `x:${from + i}`);
  for (let i = 0; i < 10; i++) await mark(one, { keys: keys(i * 1000), state: 'suspect' });
  const refused = await post(one, '/v1/marks', { keys: ['x:y'], state: 'suspect', reason: 'r', ttl: 1 });
  assert.deepEqual([refused.status, (await jsonOf(refused)).code], [409, 'marks_full']);
  for (let i = 0; i < 10; i++) await post(one, '/v1/unmark', { keys: keys(i * 1000) });
  await mark(one, { keys: ['x:y'], state: 'suspect', ttl: 1 });
});

test('a heartbeat cannot take a source from a client whose keys it may not use', async (t) => {
  const file = tokensFile({
    broker: { scopes: ['write'], prefixes: ['borrow_rate:'] },
    desk: { scopes: ['write'], prefixes: ['x:'] },
  });
  t.after(() => file.remove());
  const service = await startService({ standalone: true, env: { ...PATIENT, AUTH_TOKENS_FILE: file.path } });
  t.after(() => service.stop());
  const beat = (as: string, body: object) =>
    service.fetch('/v1/sources/broker', {
      method: 'PUT',
      headers: { 'content-type': JSON_TYPE, ...file.bearer(as) },
      body: JSON.stringify({ ttl: 60, ...body }),
    });
  assert.equal((await beat('broker', { types: ['borrow_rate'] })).status, 200);
  const refused = await beat('desk', { prefixes: ['x:'] });
  assert.deepEqual([refused.status, (await jsonOf(refused)).code], [403, 'forbidden']);
  assert.equal((await beat('broker', { types: ['borrow_rate'] })).status, 200);
});

test('a fallback of a halted key that does not meet the terms is not served', async (t) => {
  const env = { ...PATIENT, MIN_RATE_FALLBACK_ON: 'halted' };
  const service = await startService({ standalone: true, env });
  t.after(() => service.stop());
  await put(service, 'min_rate:OLD', '1', { query: '?asOf=2017-09-27T12:20:00Z' });
  await mark(service, { keys: ['borrow_rate:OLD'], state: 'halted' });
  const read = (terms: string) =>
    service.fetch(`${pathOf('borrow_rate:OLD')}?fallback=min_rate`, { headers: { 'cache-control': terms } });
  assert.equal((await read('min-fresh=1')).status, 200);
  const refused = await read('max-age=30');
  assert.deepEqual([refused.status, (await jsonOf(refused)).code], [503, 'halted']);
});

test('a service without Redis keeps sources and marks in memory', async (t) => {
  const alone = await startService({ standalone: true, env: PATIENT });
  t.after(() => alone.stop());
  await put(alone, 'borrow_rate:A', '1');
  await mark(alone, { types: ['borrow_rate'], state: 'halted' });
  assert.equal((await statusOf(alone, 'borrow_rate:A')).status, 503);
});

test('a value whose writer called it suspect is suspect on every replica, until the next write', async () => {
  const key = 'borrow_rate:STALE';
  await put(one, key, '1', { query: '?suspect=true' });
  for (const service of [one, two])
    await until(async () => /; suspect$/.test((await statusOf(service, key)).cacheStatus));
  await put(one, key, '1');
  await until(async () => !(await statusOf(two, key)).cacheStatus.includes('suspect'));
});

test('explain names to a token with prefixes only marks and sources within them', async (t) => {
  const tokens = tokensFile({
    desk: { scopes: ['read'], prefixes: ['borrow_rate:'] },
    all: { scopes: ['read'] },
  });
  t.after(() => tokens.remove());
  const closed = await startService({
    env: { ...redisEnv(redis), ...PATIENT, AUTH_TOKENS_FILE: tokens.path },
  });
  t.after(() => closed.stop());
  await mark(one, { keys: ['borrow_rate:E', 'secret:E'], state: 'suspect', reason: 'of both' });
  await mark(one, { keys: ['borrow_rate:E'], state: 'suspect', reason: 'of one' });
  await heartbeat(one, 'wide', 600, 'b');
  await heartbeat(one, 'narrow', 600, 'borrow_rate:');
  const explained = async (name: string) => {
    const { marks, sources } = await jsonOf(
      await closed.fetch('/v1/explain/borrow_rate:E', { headers: tokens.bearer(name) }),
    );
    return [...marks.map(({ reason }: { reason: string }) => reason), ...sources.map(nameOf)].sort();
  };
  await until(async () => (await explained('all')).length === 4);
  assert.deepEqual(await explained('all'), ['narrow', 'of both', 'of one', 'wide']);
  assert.deepEqual(await explained('desk'), ['narrow', 'of one']);
});

function nameOf({ name }: { name: string }): string {
  return name;
}

test('a replica whose link is down learns of marks and heartbeats from Redis', async (t) => {
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  const cutOff = await startReplica(
    { ...redis, port: proxy.port },
    { HEARTBEAT_INTERVAL_MS: '100', HEARTBEAT_TIMEOUT_MS: '1000' },
  );
  t.after(() => cutOff.stop());
  const key = 'event_risk:CUT';
  await put(one, key, '1');
  // Every connection tells Redis its name first.
  proxy.freeze({ saying: 'ratecache-link' });
  await until(async () => (await healthOf(cutOff)).coherence === 'degraded');

  await heartbeat(one, 'cut-feed', 600, 'event_risk:CUT');
  await until(async () => {
    const { sources } = await jsonOf(await cutOff.fetch('/v1/sources'));
    return sources.some(
      ({ name, state }: { name: string; state: string }) => name === 'cut-feed' && state === 'alive',
    );
  });
  await mark(one, { keys: [key], state: 'halted' });
  await until(async () => (await statusOf(cutOff, key)).status === 503);
  assert.deepEqual(await jsonOf(await post(one, '/v1/unmark', { keys: [key] })), { removed: 1 });
  await until(async () => (await statusOf(cutOff, key)).status === 200);
  assert.equal((await healthOf(cutOff)).coherence, 'degraded', 'the link is still down');
});
