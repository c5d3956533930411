import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unpack } from 'msgpackr';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { isVersion } from '../../src/cache/version.ts';
import { bytesOf, del, get, jsonOf, MSGPACK_TYPE, put, readIntoL1 } from '../support/client.ts';
import { explain, explainedBy } from '../support/explain.ts';
import { heardAll } from '../support/heard-all.ts';
import { assertProblem } from '../support/problem.ts';
import { redisFor, replicasOfFile } from '../support/services.ts';
import { tokensFile } from '../support/tokens.ts';

const KEY = 'borrow_rate:AAPL';
const IN_REDIS = `borrow_rate_engine:${KEY}`;

const {
  redis,
  replicas: [near, far],
} = await replicasOfFile({}, {});

test('explain shows the key in L1 of every replica and in Redis, and the replica that wrote it', async () => {
  await put(near, KEY, '{"rate":0.25}');
  await readIntoL1(far, KEY);
  const { key, type, redis: stored, replicas, last_change, summary } = await explainedBy(near, KEY, 2);
  assert.deepEqual([key, type], [KEY, 'borrow_rate']);
  const { state, format, version, encoding, bytes, compressed, ttl_ms } = stored;
  assert.deepEqual(
    [state, format, encoding, bytes, compressed],
    ['value', 'envelope', 'json', 13, false],
    JSON.stringify(stored),
  );
  assert.ok(isVersion(version!) && ttl_ms! > 0 && ttl_ms! <= 300_000);
  const [own, other] = replicas;
  assert.deepEqual([own!.pid, other!.pid], [near.pid, far.pid]);
  assert.deepEqual([own!.l1, own!.coherence, own!.pending], [{ state: 'absent' }, 'coherent', null]);
  assert.deepEqual([other!.l1.state, other!.l1.version], ['fresh', version]);
  assert.ok(other!.l1.fresh_until! <= other!.l1.expires_at!);
  assert.match(own!.why, /asks Redis, because L1 has no entry/);
  assert.match(other!.why, /answers from L1/);
  assert.deepEqual([last_change!.reason, last_change!.writer], ['set', own!.replica]);
  assert.match(summary, /^Redis has the value, and 1 of 2 replicas have this version in L1\./);
});

test('explain shows when the data is from and who supplied it, in Redis and in L1 of another replica', async () => {
  const asOf = '2026-01-02T03:04:05.678Z';
  const url = `/v1/cache/${KEY}?asOf=${asOf}&source=ibkr`;
  const headers = { 'Content-Type': 'application/json' };
  assert.equal((await near.fetch(url, { method: 'PUT', headers, body: '1' })).status, 201);
  await readIntoL1(far, KEY);
  const { redis: stored, replicas } = await explainedBy(near, KEY, 2);
  for (const facts of [stored, replicas[1]!.l1])
    assert.deepEqual([facts.as_of, facts.source], [asOf, 'ibkr']);
});

test('explain tells a deletion, an expiry and a change by another program apart', async () => {
  const lastChange = async () => (await explainedBy(near, KEY, 2)).last_change!;
  await put(near, KEY, '1');
  await readIntoL1(far, KEY);
  await del(far, KEY);
  await heardAll(near);
  const { replicas } = await explainedBy(near, KEY, 2);
  const deleted = await lastChange();
  assert.deepEqual([deleted.reason, deleted.writer], ['delete', replicas[1]!.replica]);

  await put(near, KEY, '1', { query: '?ttl=2' });
  await readIntoL1(near, KEY);
  await until(async () => (await redis.cli('EXISTS', IN_REDIS)) === '0');
  await until(async () => (await lastChange()).reason === 'expire');

  await redis.cli('SET', IN_REDIS, JSON.stringify({ value: 1, timestamp: Date.now() / 1000, source: 'api' }));
  await heardAll(near);
  const { last_change: changed, redis: stored } = await explainedBy(near, KEY, 2);
  assert.deepEqual([changed!.reason, changed!.writer], ['remote', undefined]);
  assert.deepEqual([stored.state, stored.format, stored.ttl_ms], ['value', 'predecessor', null]);
});

test('explain names the type of a key that is not a string, and bytes that are not a value', async () => {
  await redis.cli('HSET', IN_REDIS, 'a', '1');
  const other = await explain(near, KEY);
  assert.deepEqual(other.redis, { state: 'other_type', type: 'hash' });
  assert.match(other.summary, /Redis has a hash under the key/);
  await redis.cli('SET', IN_REDIS, 'garbage');
  assert.deepEqual((await explain(near, KEY)).redis, { state: 'unreadable', stored_bytes: 7, ttl_ms: null });
  await redis.cli('DEL', IN_REDIS);
  assert.deepEqual((await explain(near, KEY)).redis, { state: 'absent' });
});

test('a replica that does not answer is counted, and named if it was seen before', async () => {
  const { replicas } = await explainedBy(near, KEY, 2);
  far.kill('SIGSTOP');
  try {
    const { others, replicas: left } = await explain(near, KEY);
    assert.equal(left.length, 1);
    assert.deepEqual([others.asked, others.silent], [true, 1]);
    assert.deepEqual(
      others.missing.map(({ replica, host }) => [replica, host]),
      [[replicas[1]!.replica, replicas[1]!.host]],
    );
  } finally {
    far.kill('SIGCONT');
  }
  const { others } = await explainedBy(near, KEY, 2);
  assert.deepEqual([others.silent, others.missing], [0, []]);
});

test('explain shows a pending write while Redis is unreachable, and why the others were not asked', async (t) => {
  const fragile = await redisFor(t);
  const service = await startReplica(fragile);
  t.after(() => service.stop('SIGKILL'));
  await fragile.signal('SIGKILL');
  await until(async () => (await put(service, KEY, '1')).status === 202);
  const set = await explain(service, KEY);
  assert.equal(set.redis.state, 'unknown');
  assert.deepEqual([set.others.asked, set.others.reason], [false, 'not connected to Redis']);
  assert.deepEqual([set.replicas.length, set.replicas[0]!.coherence], [1, 'blind']);
  assert.equal(set.replicas[0]!.pending!.operation, 'set');
  assert.match(set.replicas[0]!.why, /pending write, which Redis has not accepted yet/);
  assert.equal((await del(service, KEY)).status, 202);
  const deleted = (await explain(service, KEY)).replicas[0]!;
  assert.deepEqual([deleted.pending!.operation, deleted.l1.state], ['delete', 'absent']);
});

test('standalone, explain shows this process only', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  await put(service, KEY, '1');
  const { redis: stored, replicas, others, last_change } = await explain(service, KEY);
  assert.deepEqual(stored, { state: 'not_used' });
  assert.deepEqual(others, { asked: false, reason: 'the service is standalone', silent: 0, missing: [] });
  assert.deepEqual([replicas.length, replicas[0]!.l1.state], [1, 'fresh']);
  assert.deepEqual([last_change!.reason, last_change!.writer], ['set', replicas[0]!.replica]);
  assert.match((await explain(service, 'none')).replicas[0]!.why, /the key has no value/);
});

test('explain answers in msgpack, without a body to HEAD, and refuses invalid keys and parameters', async () => {
  const accept = { headers: { accept: MSGPACK_TYPE } };
  const packed = await near.fetch(`/v1/explain/${KEY}`, accept);
  assert.equal(unpack(await bytesOf(packed)).key, KEY);
  const head = await near.fetch(`/v1/explain/${KEY}`, { method: 'HEAD' });
  assert.deepEqual([head.status, (await bytesOf(head)).length], [200, 0]);
  assert.equal((await explain(near, 'a/b c')).key, 'a/b c');
  await assertProblem(await near.fetch('/v1/explain/%zz'), 'key_invalid', 'key');
  await assertProblem(await near.fetch('/v1/explain/'), 'key_invalid', 'key');
  await assertProblem(await near.fetch(`/v1/explain/${'k'.repeat(600)}`), 'key_invalid', 'key');
  await assertProblem(await near.fetch('/v1/explain/a?tier=l1'), 'query_invalid', 'tier');
});

test('explain and hot-keys show a token only the keys of its prefixes', async (t) => {
  const tokens = tokensFile({ rates: { scopes: ['read'], prefixes: ['borrow_rate:'] } });
  t.after(() => tokens.remove());
  const env = { ...redisEnv(redis), ...PATIENT, AUTH_TOKENS_FILE: tokens.path };
  const service = await startService({ env });
  t.after(() => service.stop('SIGKILL'));
  const headers = tokens.bearer('rates');
  assert.equal((await service.fetch(`/v1/explain/${KEY}`, { headers })).status, 200);
  await assertProblem(await service.fetch('/v1/explain/volatility:A', { headers }), 'forbidden', 'key');
  const listed = await service.fetch('/v1/hot-keys', { headers });
  assert.deepEqual((await jsonOf(listed)).misses, []);
});

test('hot-keys reports the key that is read most and the key that is missed most', async () => {
  await put(near, KEY, '1');
  for (let i = 0; i < 1000; i++) await (await get(near, KEY)).arrayBuffer();
  for (let i = 0; i < 20; i++) await (await get(near, 'volatility:NONE')).arrayBuffer();
  const { seconds, reads, misses } = await jsonOf(await near.fetch('/v1/hot-keys'));
  assert.ok(seconds > 0);
  assert.deepEqual([reads[0].key, reads[0].type], [KEY, 'borrow_rate']);
  const missed = misses.find(({ key }: { key: string }) => key === 'volatility:NONE');
  assert.ok(missed.per_second > 0);
});
