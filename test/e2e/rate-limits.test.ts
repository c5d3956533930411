/** Limits of requests and bytes per second. Rates are so low that a busy machine does not refill a bucket. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get, post, put } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';
import { type TokensFile, tokensFile } from '../support/tokens.ts';
import { connectWs, JSON_PROTOCOL, MSGPACK_PROTOCOL } from '../support/ws-client.ts';

async function start(t: TestContext, env: Record<string, string>): Promise<Service> {
  const service = await startService({ standalone: true, env: { ...PATIENT, ...env } });
  t.after(() => service.stop());
  return service;
}

async function withTokens(t: TestContext, limits: object): Promise<[Service, TokensFile]> {
  const scopes = ['read', 'write', 'admin'];
  const tokens = tokensFile({ loud: { scopes, limits }, quiet: { scopes } });
  t.after(() => tokens.remove());
  return [await start(t, { AUTH_TOKENS_FILE: tokens.path }), tokens];
}

/** Sends requests until one is refused. */
async function untilRefused(request: () => Promise<Response>, most: number): Promise<Response> {
  for (let i = 0; i < most; i++) {
    const response = await request();
    if (response.status === 429) return response;
    await response.arrayBuffer();
  }
  throw new Error(`${most} requests were allowed`);
}

test('a token beyond its requests per second is rate_limited, and others are not', async (t) => {
  const [service, tokens] = await withTokens(t, { requestsPerSecond: 1 });
  const refused = await untilRefused(() => get(service, 'a:b', tokens.bearer('loud')), 10_000);
  assert.deepEqual(
    ['retry-after', 'ratelimit', 'ratelimit-policy'].map((name) => refused.headers.get(name)),
    ['1', '"token-requests";r=0;t=1', '"token-requests";q=1;w=1'],
  );
  await assertProblem(refused, 'rate_limited');
  assert.equal((await put(service, 'a:b', '1', { headers: tokens.bearer('quiet') })).status, 201);
  assert.ok((await limited(service, 'token_requests')) >= 1);
  assert.equal((await service.fetch('/livez')).status, 200, 'probes are not limited');
});

test('a token beyond its bytes per second is rate_limited, whatever it sends next', async (t) => {
  const [service, tokens] = await withTokens(t, { bytesPerSecond: 1 });
  const headers = tokens.bearer('loud');
  assert.equal((await put(service, 'a:b', `"${'x'.repeat(5000)}"`, { headers })).status, 201);
  const refused = await get(service, 'a:b', headers);
  assert.ok(Number(refused.headers.get('retry-after')) > 60);
  await assertProblem(refused, 'rate_limited');
  await assertProblem(await post(service, '/v1/mget', { keys: [] }, headers), 'rate_limited');
  assert.equal(await limited(service, 'token_bytes'), 2);
});

test('a socket shares the limits of its token, and its errors say how long to wait', async (t) => {
  const [service, tokens] = await withTokens(t, { bytesPerSecond: 1 });
  for (const protocol of [JSON_PROTOCOL, MSGPACK_PROTOCOL]) {
    const ws = await connectWs(service, { protocol });
    t.after(() => ws.close());
    assert.equal((await ws.request('auth', { token: tokens.tokens.loud })).ok, true);
    await ws.request('set', { key: 'a:b', value: 'x'.repeat(5000) });
    const { ok, code, retryAfterMs } = await ws.request('get', { key: 'a:b' });
    assert.deepEqual([ok, code], [false, 'rate_limited']);
    assert.ok(Number.isInteger(retryAfterMs) && retryAfterMs > 60_000, `${retryAfterMs} ms`);
    await assertProblem(await get(service, 'a:b', tokens.bearer('loud')), 'rate_limited');
  }
});

test('an address beyond its bytes per second is rate_limited over HTTP and WebSocket', async (t) => {
  const service = await start(t, { MAX_ADDRESS_BYTES_PER_SECOND: '1' });
  const ws = await connectWs(service);
  t.after(() => ws.close());
  assert.equal((await put(service, 'a:b', `"${'x'.repeat(5000)}"`)).status, 201);
  for (const response of [await get(service, 'a:b'), await post(service, '/v1/mget', { keys: [] })]) {
    assert.match(response.headers.get('ratelimit-policy')!, /^"address-bytes";q=1;w=1$/);
    await assertProblem(response, 'rate_limited');
  }
  assert.equal((await ws.request('ping')).code, 'rate_limited');
  assert.equal(await limited(service, 'address_bytes'), 3);
});

test('an address beyond its requests per second is rate_limited before its token is verified', async (t) => {
  const tokens = tokensFile({ desk: { scopes: ['read'] } });
  t.after(() => tokens.remove());
  const env = { MAX_ADDRESS_REQUESTS_PER_SECOND: '1', AUTH_TOKENS_FILE: tokens.path };
  const service = await start(t, env);
  const guess = () => get(service, 'a:b', { authorization: 'Bearer rct_unknown' });
  await assertProblem(await untilRefused(guess, 10_000), 'rate_limited');
});

async function limited(service: Service, limit: string): Promise<number> {
  const text = await (await service.fetch('/metrics')).text();
  return Number(new RegExp(`^ratecache_limited_total\\{limit="${limit}"\\} (\\S+)$`, 'm').exec(text)?.[1]);
}
