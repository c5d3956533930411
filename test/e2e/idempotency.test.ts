import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { del, get, jsonOf, post, put } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';
import { whileFrozen } from '../support/while-frozen.ts';
import { connectWs } from '../support/ws-client.ts';

let redis: RedisServer;
let one: Service;
let two: Service;
let alone: Service;
/** Two processes that share their values, and one process twice. */
let pairs: [first: Service, second: Service][];

before(async () => {
  redis = await startRedis();
  [one, two, alone] = await Promise.all([
    startReplica(redis, { REDIS_COMMAND_TIMEOUT_MS: '800' }),
    startReplica(redis, { REDIS_COMMAND_TIMEOUT_MS: '800' }),
    startService({ standalone: true, env: PATIENT }),
  ]);
  pairs = [
    [one, two],
    [alone, alone],
  ];
});

after(async () => {
  await Promise.all([one?.stop(), two?.stop(), alone?.stop()]);
  await redis?.stop();
});

const keyed = (idempotencyKey: string, more: Record<string, string> = {}) => ({
  'Idempotency-Key': idempotencyKey,
  ...more,
});

test('a repeated PUT with If-None-Match answers as the first PUT, also through another replica', async () => {
  for (const [first, second] of pairs) {
    const headers = keyed('create-1', { 'If-None-Match': '*' });
    const created = await put(first, 'idem:CREATE', '1', { headers });
    assert.equal(created.status, 201);
    for (const service of [first, second]) {
      const repeated = await put(service, 'idem:CREATE', '1', { headers });
      assert.equal(repeated.status, 201);
      assert.equal(repeated.headers.get('etag'), created.headers.get('etag'));
    }
    const other = keyed('create-2', { 'If-None-Match': '*' });
    await assertProblem(await put(second, 'idem:CREATE', '1', { headers: other }), 'precondition_failed');
  }
});

test('a repeated PUT does not overwrite a later value', async () => {
  for (const [first, second] of pairs) {
    await put(first, 'idem:LATER', '0');
    const replaced = await put(first, 'idem:LATER', '1', { headers: keyed('put-1') });
    assert.equal(replaced.status, 204);
    const later = await put(second, 'idem:LATER', '2', { headers: keyed('put-2') });
    const repeated = await put(second, 'idem:LATER', '1', { headers: keyed('put-1') });
    assert.equal(repeated.status, 204);
    assert.equal(repeated.headers.get('etag'), replaced.headers.get('etag'));
    const present = await get(first, 'idem:LATER');
    assert.equal(await present.text(), '2');
    assert.equal(present.headers.get('etag'), later.headers.get('etag'));
  }
});

test('a repeated DELETE with If-Match succeeds, and does not delete a later value', async () => {
  for (const [first, second] of pairs) {
    const tag = (await put(first, 'idem:DELETE', '1')).headers.get('etag')!;
    const headers = keyed('delete-1', { 'If-Match': tag });
    assert.equal((await del(first, 'idem:DELETE', headers)).status, 204);
    assert.equal((await del(second, 'idem:DELETE', headers)).status, 204);
    await put(second, 'idem:DELETE', '2');
    assert.equal((await del(second, 'idem:DELETE', headers)).status, 204);
    assert.equal(await (await get(first, 'idem:DELETE')).text(), '2');
  }
});

test('a write that was refused is checked again when it is repeated', async () => {
  for (const [first, second] of pairs) {
    const headers = keyed('refused', { 'If-Match': '*' });
    await assertProblem(await put(first, 'idem:REFUSED', '1', { headers }), 'precondition_failed');
    await put(first, 'idem:REFUSED', '0');
    assert.equal((await put(second, 'idem:REFUSED', '1', { headers })).status, 204);
  }
});

test('an idempotency key counts for one key and one operation', async () => {
  for (const [first] of pairs) {
    for (const key of ['idem:A', 'idem:B'])
      assert.equal((await put(first, key, '1', { headers: keyed('shared') })).status, 201);
    for (const key of ['idem:A', 'idem:B']) {
      assert.equal((await del(first, key, keyed('shared'))).status, 204);
      assert.equal((await get(first, key)).status, 404);
    }
  }
});

test('another value, TTL or condition with the same idempotency key is refused', async () => {
  for (const [first, second] of pairs) {
    await put(first, 'idem:REUSED', '1', { headers: keyed('reused') });
    const others = [
      put(second, 'idem:REUSED', '2', { headers: keyed('reused') }),
      put(second, 'idem:REUSED', '1', { headers: keyed('reused'), query: '?ttl=60' }),
      put(second, 'idem:REUSED', '1', { headers: keyed('reused', { 'If-Match': '*' }) }),
    ];
    for (const other of others) await assertProblem(await other, 'idempotency_key_reused');
    assert.equal(await (await get(first, 'idem:REUSED')).text(), '1');
  }
});

test('an invalid idempotency key is refused', async () => {
  for (const invalid of ['', 'two words', 'x'.repeat(129), 'é'])
    for (const response of [
      put(one, 'idem:INVALID', '1', { headers: keyed(invalid) }),
      del(one, 'idem:INVALID', keyed(invalid)),
    ])
      await assertProblem(await response, 'idempotency_key_invalid', 'Idempotency-Key');
  assert.equal((await get(one, 'idem:INVALID')).status, 404);
  assert.equal((await put(one, 'idem:LONG', '1', { headers: keyed(`"${'x'.repeat(126)}"`) })).status, 201);
});

test('entries of mset have idempotency keys', async () => {
  for (const [first, second] of pairs) {
    const entries = [
      { key: 'idem:M1', value: 1, idempotencyKey: 'batch' },
      { key: 'idem:M2', value: 2, idempotencyKey: 'batch' },
      { key: 'idem:M3', value: 3, idempotencyKey: 7 },
      { key: 'idem:M4', value: 4 },
    ];
    const stored = await jsonOf(await post(first, '/v1/mset', { entries }));
    assert.equal(stored.results[2].code, 'idempotency_key_invalid');
    await put(second, 'idem:M1', '9');
    const repeated = await jsonOf(await post(second, '/v1/mset', { entries }));
    assert.deepEqual(repeated.results.slice(0, 2), stored.results.slice(0, 2));
    assert.notEqual(repeated.results[3].version, stored.results[3].version);
    assert.equal(await (await get(first, 'idem:M1')).text(), '9');
  }
});

test('WebSocket writes have idempotency keys', async (t) => {
  for (const [first, second] of pairs) {
    const [a, b] = await Promise.all([connectWs(first), connectWs(second)]);
    t.after(() => Promise.all([a.close(), b.close()]));
    const set = { key: 'idem:WS', value: 1, ifAbsent: true, idempotencyKey: 'ws-1' };
    const created = await a.request('set', set);
    assert.equal(created.status, 'created');
    assert.deepEqual({ ...(await a.request('set', set)), id: 0 }, { ...created, id: 0 });
    const { code } = await b.request('set', { ...set, ifAbsent: undefined, ifExists: true });
    assert.equal(code, 'idempotency_key_reused', 'the condition differs');
    const remove = { key: 'idem:WS', ifVersion: created.version, idempotencyKey: 'ws-2' };
    assert.equal((await a.request('delete', remove)).status, 'deleted');
    assert.equal((await b.request('delete', remove)).status, 'deleted');
    assert.equal(
      (await a.request('delete', { ...remove, idempotencyKey: 'ws-3' })).code,
      'precondition_failed',
    );
    for (const invalid of [7, '', 'two words', null]) {
      const refused = await a.request('set', { ...set, idempotencyKey: invalid });
      assert.deepEqual([refused.code, refused.field], ['idempotency_key_invalid', 'idempotencyKey']);
    }
  }
});

test('a repeated pending write answers 202 with the same ETag, and 204 once Redis has it', async () => {
  await put(one, 'idem:PENDING', '0');
  let tag: string | null = null;
  await whileFrozen(redis, async () => {
    const first = await put(one, 'idem:PENDING', '1', { headers: keyed('pending') });
    assert.equal(first.status, 202);
    tag = first.headers.get('etag');
    const repeated = await put(one, 'idem:PENDING', '1', { headers: keyed('pending') });
    assert.equal(repeated.status, 202);
    assert.equal(repeated.headers.get('etag'), tag);
  });
  await reachesRedis(one);
  await until(async () => (await get(two, 'idem:PENDING')).headers.get('etag') === tag);
  for (const service of [one, two]) {
    const repeated = await put(service, 'idem:PENDING', '1', { headers: keyed('pending') });
    assert.equal(repeated.status, 204);
    assert.equal(repeated.headers.get('etag'), tag);
  }
});

test('a pending write that another replica has made since is not made twice', async () => {
  await put(one, 'idem:TWICE', '0');
  await whileFrozen(redis, async () => {
    assert.equal((await put(one, 'idem:TWICE', '1', { headers: keyed('twice') })).status, 202);
    assert.equal((await put(two, 'idem:TWICE', '1', { headers: keyed('twice') })).status, 202);
  });
  await Promise.all([reachesRedis(one), reachesRedis(two)]);
  const pending = async ({ fetch }: Service) => (await jsonOf(await fetch('/health'))).pending_writes.entries;
  await until(async () => (await pending(one)) + (await pending(two)) === 0);
  assert.equal(await (await get(two, 'idem:TWICE')).text(), '1');
  const later = await put(two, 'idem:TWICE', '2');
  for (const service of [one, two])
    assert.equal((await put(service, 'idem:TWICE', '1', { headers: keyed('twice') })).status, 204);
  for (const service of [one, two])
    await until(
      async () => (await get(service, 'idem:TWICE')).headers.get('etag') === later.headers.get('etag'),
    );
});
