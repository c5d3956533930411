import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { del, jsonOf, post, put } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';
import { tokensFile } from '../support/tokens.ts';
import { connectWs } from '../support/ws-client.ts';

test('a client that fills its share of the pending writes leaves room for other clients and for deletions', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const scopes = ['read', 'write', 'admin'];
  const tokens = tokensFile({ loud: { scopes }, quiet: { scopes } });
  t.after(() => tokens.remove());
  const service = await startService({
    env: {
      ...redisEnv(redis),
      ...PATIENT,
      AUTH_TOKENS_FILE: tokens.path,
      PENDING_WRITES_MAX_ENTRIES: '20',
      PENDING_WRITES_MAX_CLIENT_PERCENT: '50',
    },
  });
  t.after(() => service.stop('SIGKILL'));
  const as = (name: string) => ({ headers: tokens.bearer(name) });
  await until(async () => (await put(service, 'before:A', '1', as('quiet'))).status < 300);
  await redis.signal('SIGKILL');
  await until(async () => (await put(service, 'loud:0', '1', as('loud'))).status === 202);

  const entries = Array.from({ length: 12 }, (_, i) => ({ key: `loud:${i}`, value: i }));
  const { results } = await jsonOf(await post(service, '/v1/mset', { entries }, tokens.bearer('loud')));
  const codes = results.map(({ code }: { code: string }) => code);
  assert.deepEqual(codes, [...Array(10).fill('l2_unavailable'), ...Array(2).fill('pending_writes_full')]);
  await assertProblem(await put(service, 'loud:12', '1', as('loud')), 'pending_writes_full');
  const ws = await connectWs(service);
  t.after(() => ws.close());
  assert.equal((await ws.request('auth', { token: tokens.tokens.loud })).ok, true);
  assert.equal((await ws.request('set', { key: 'loud:13', value: 1 })).code, 'pending_writes_full');

  // Values may use 18 of the 20 writes, so the last two are for deletions.
  for (let i = 0; i < 8; i++) assert.equal((await put(service, `quiet:${i}`, '1', as('quiet'))).status, 202);
  await assertProblem(await put(service, 'quiet:8', '1', as('quiet')), 'pending_writes_full');
  for (const key of ['gone:A', 'gone:B'])
    assert.equal((await del(service, key, tokens.bearer('quiet'))).status, 202);
  await assertProblem(await del(service, 'gone:C', tokens.bearer('quiet')), 'pending_writes_full');
  assert.equal(
    (await post(service, '/v1/invalidate', { types: ['min_rate'] }, tokens.bearer('loud'))).status,
    202,
  );
  assert.equal((await post(service, '/v1/flush', {}, tokens.bearer('loud'))).status, 202);
  assert.equal((await put(service, 'loud:14', '1', as('loud'))).status, 202, 'the flush has made room');
});
