/** `/v1/history`, `/v1/replicas` and `/ui`, of a real service with a real Redis. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { jsonOf, put } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';
import { type TokensFile, tokensFile } from '../support/tokens.ts';
import { connectWs, Refused } from '../support/ws-client.ts';

let redis: RedisServer;
let tokens: TokensFile;
let open: Service;
let closed: Service;

before(async () => {
  redis = await startRedis();
  tokens = tokensFile({
    read: { scopes: ['read'], prefixes: ['borrow_rate:'] },
    write: { scopes: ['write'] },
  });
  const env = { ...redisEnv(redis), ...PATIENT };
  [open, closed] = await Promise.all([
    startService({ env }),
    startService({ env: { ...env, AUTH_TOKENS_FILE: tokens.path, OPS_PORT: '0' } }),
  ]);
  await until(async () => (await jsonOf(await open.fetch('/health'))).coherence === 'coherent');
});

after(async () => {
  await Promise.all([open?.stop(), closed?.stop()]);
  await redis?.stop();
  tokens?.remove();
});

test('the history has the health of the process and a sample of each five seconds', async () => {
  await put(open, 'borrow_rate:AAPL', '1');
  const { samples, health, replica, client } = await until(async () => {
    const body = await jsonOf(await open.fetch('/v1/history'));
    return body.samples.length > 0 && body;
  });
  assert.equal(samples[0].number, 1);
  assert.equal(client, null);
  assert.match(replica, /^[0-9a-f]{8}$/);
  assert.equal(health.version, '0.1.0');
  const later = await jsonOf(await open.fetch(`/v1/history?after=${samples.at(-1).number + 100}`));
  assert.deepEqual(later.samples, []);
});

test('after must be a number', async () => {
  await assertProblem(await open.fetch('/v1/history?after=-1'), 'query_invalid', 'after');
  await assertProblem(await open.fetch('/v1/history?before=1'), 'query_invalid', 'before');
});

test('every replica answers with its coherence and its lag', async () => {
  const { replicas, others } = await until(async () => {
    const body = await jsonOf(await open.fetch('/v1/replicas'));
    const coherent = body.replicas.filter(
      (each: { coherence: string; lag_ms: number | null }) =>
        each.coherence === 'coherent' && each.lag_ms !== null,
    );
    return coherent.length === 2 && body;
  });
  assert.equal(replicas[0].pid, open.pid);
  assert.equal(replicas[1].pid, closed.pid);
  assert.deepEqual(others, { asked: true, silent: 0, missing: [] });
});

test('with tokens, the page is public, and its data needs the scope read', async () => {
  for (const path of ['/ui', '/ui/main.js', '/ui/style.css', '/ui/uplot.js'])
    assert.equal((await closed.fetch(path)).status, 200, path);
  for (const path of ['/v1/history', '/v1/replicas', '/v1/hot-keys']) {
    await assertProblem(await closed.fetch(path), 'unauthenticated');
    await assertProblem(await closed.fetch(path, { headers: tokens.bearer('write') }), 'forbidden');
  }
});

test('the history tells a client what its token allows, also where the operators have another port', async () => {
  const { client, health } = await jsonOf(
    await closed.fetch('/v1/history', { headers: tokens.bearer('read') }),
  );
  assert.deepEqual(client, { name: 'read', scopes: ['read'], prefixes: ['borrow_rate:'] });
  assert.equal(health.mode, 'redis');
  assert.equal((await closed.fetch('/health')).status, 404);
});

test('the page allows no script, style or connection but its own', async () => {
  const answer = await open.fetch('/ui');
  const policy = answer.headers.get('content-security-policy')!;
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'/);
  assert.doesNotMatch(policy, /unsafe|\*|data:|https?:/);
  const html = await answer.text();
  assert.doesNotMatch(html, /<script(?! src)|<style|style=|\son[a-z]+=/);
  assert.match(answer.headers.get('content-type')!, /^text\/html/);
});

test('every file that the page names is served, and a browser with a current copy receives 304', async () => {
  const html = await (await open.fetch('/ui')).text();
  const paths = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
  assert.ok(paths.length >= 6);
  for (const path of paths) {
    const answer = await open.fetch(path);
    assert.equal(answer.status, 200, path);
    await answer.arrayBuffer();
    const again = await open.fetch(path, { headers: { 'If-None-Match': answer.headers.get('etag')! } });
    assert.equal(again.status, 304, path);
  }
});

test('a page of the service itself may connect to its WebSocket, and no other page may', async () => {
  const socket = await connectWs(open, { origin: open.url });
  await socket.close();
  for (const origin of ['http://127.0.0.1:1', 'https://elsewhere.internal', 'null'])
    await assert.rejects(connectWs(open, { origin }), Refused, origin);
});

test('a page that uses DNS rebinding has the origin of its Host, and may not connect', async () => {
  const evil = 'evil.internal';
  const options = { origin: `http://${evil}`, headers: { host: evil } };
  await assert.rejects(connectWs(open, options), Refused);
});
