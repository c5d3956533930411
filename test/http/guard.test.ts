import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type LogLine, type Service, startService } from '../../loadtest/target/service.ts';
import { ERRORS, type ErrorCode } from '../../src/errors.ts';
import { AUDIENCE, directory, ISSUER, issuer } from '../access/support.ts';
import { del, get, jsonOf, post, put } from '../support/client.ts';
import { type TokensFile, tokensFile } from '../support/tokens.ts';

const RATES = { prefixes: ['borrow_rate:', 'min_rate:AAPL'] };

let tokens: TokensFile;
let guarded: Service;
let open: Service;

before(async () => {
  tokens = tokensFile({
    all: { scopes: ['read', 'write', 'admin'] },
    reader: { scopes: ['read'] },
    rates: { scopes: ['read', 'write', 'admin'], ...RATES },
    expired: { scopes: ['read'], expires: '2020-01-01T00:00:00Z' },
  });
  [guarded, open] = await Promise.all([
    startService({
      standalone: true,
      env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path, AUDIT_WRITES: 'true' },
    }),
    startService({ standalone: true, env: { ...PATIENT, ALLOWED_HOSTS: 'Cache-Service' } }),
  ]);
});

after(async () => {
  await Promise.all([guarded?.stop(), open?.stop()]);
  tokens?.remove();
});

const as = (name: string) => tokens.bearer(name);
const audited = (kind: string, match: (line: LogLine) => boolean) =>
  guarded.waitForLog((line) => line.audit === kind && match(line));

test('a request without a valid token is answered with 401 and a challenge', async () => {
  for (const headers of [
    {},
    { authorization: '' },
    { authorization: 'Bearer rct_unknown' },
    { authorization: `Basic ${tokens.tokens.all}` },
    as('expired'),
  ]) {
    const answer = await get(guarded, 'borrow_rate:A', headers as Record<string, string>);
    await assertCode(answer, 'unauthenticated');
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
  }
  await audited(
    'refused',
    ({ operation, from, outcome, who }) =>
      operation === 'GET /v1/cache/{key}' &&
      from === '127.0.0.1' &&
      outcome === 'unauthenticated' &&
      who === undefined,
  );
});

test('a token gives its scopes, and no other', async () => {
  assert.equal((await put(guarded, 'volatility:A', '1', { headers: as('all') })).status, 201);
  for (let i = 0; i < 2; i++) assert.equal((await get(guarded, 'volatility:A', as('reader'))).status, 200);
  await assertCode(await put(guarded, 'volatility:A', '2', { headers: as('reader') }), 'forbidden');
  await assertCode(await del(guarded, 'volatility:A', as('reader')), 'forbidden');
  await audited(
    'refused',
    ({ who, operation }) => who === 'reader' && operation === 'DELETE /v1/cache/{key}',
  );
  assert.equal(await (await get(guarded, 'volatility:A', as('reader'))).text(), '1');
});

test('prefixes limit values, also of hits and of fallbacks', async () => {
  for (const key of ['volatility:P', 'borrow_rate:P', 'min_rate:PX'])
    assert.equal((await put(guarded, key, '7', { headers: as('all') })).status, 201);
  assert.equal((await get(guarded, 'borrow_rate:P', as('rates'))).status, 200);
  await assertCode(await get(guarded, 'volatility:P', as('rates')), 'forbidden');
  await assertCode(await put(guarded, 'volatility:P', '8', { headers: as('rates') }), 'forbidden');
  // The substitute of borrow_rate:PX is min_rate:PX.
  const path = '/v1/cache/borrow_rate:PX?fallback=min_rate';
  await assertCode(await guarded.fetch(path, { headers: as('rates') }), 'forbidden');
  const encoded = await guarded.fetch('/v1/cache/%76olatility:P', { headers: as('rates') });
  await assertCode(encoded, 'forbidden');
});

test('a batch answers the allowed items, and refuses each of the others', async () => {
  const entries = [
    { key: 'borrow_rate:B', value: 1 },
    { key: 'volatility:B', value: 2 },
    { key: 'min_rate:AAPL', value: 3 },
  ];
  const codes = async (path: string, body: object) => {
    const { results } = await jsonOf(await post(guarded, path, body, as('rates')));
    return results.map(({ status, code }: { status: string; code?: string }) => code ?? status);
  };
  const keys = entries.map(({ key }) => key);
  assert.deepEqual(await codes('/v1/mset', { entries }), ['stored', 'forbidden', 'stored']);
  assert.deepEqual(await codes('/v1/mget', { keys }), ['hit', 'forbidden', 'hit']);
  assert.deepEqual(await codes('/v1/mdelete', { keys: keys.toReversed() }), [
    'deleted',
    'forbidden',
    'deleted',
  ]);
  await audited(
    'refused',
    ({ target, keys, operation }) => target === 'volatility:B' && keys === 1 && operation === 'POST /v1/mset',
  );
  await audited(
    'write',
    ({ who, operation, keys }) => who === 'rates' && operation === 'POST /v1/mset' && keys === 3,
  );
});

test('listings and operations must lie within the prefixes', async () => {
  const list = (query: string) => guarded.fetch(`/v1/keys${query}`, { headers: as('rates') });
  for (const query of ['?pattern=borrow_rate:*', '?type=borrow_rate', '?pattern=min_rate:AAPL'])
    assert.equal((await list(query)).status, 200, query);
  for (const query of ['', '?pattern=*', '?type=min_rate', '?type=other', '?pattern=borrow_rat*'])
    await assertCode(await list(query), 'forbidden');
  const operate = (path: string, body: object) => post(guarded, path, body, as('rates'));
  assert.equal((await operate('/v1/invalidate', { types: ['borrow_rate'] })).status, 200);
  for (const body of [{ types: ['volatility'] }, { pattern: '*' }, { keys: ['borrow_rate:A', 'min_rate:B'] }])
    await assertCode(await operate('/v1/invalidate', body), 'forbidden');
  for (const path of ['/v1/flush', '/v1/cleanup', '/v1/warmup'])
    await assertCode(await operate(path, {}), 'forbidden');
});

test('an admin operation has one audit line with its outcome and its request id', async () => {
  const headers = { ...as('all'), 'x-request-id': 'req-7' };
  assert.equal((await post(guarded, '/v1/flush', { tier: 'local' }, headers)).status, 200);
  const line = await audited('admin', ({ request_id }) => request_id === 'req-7');
  const { who, via, operation, target, from, outcome } = line;
  assert.deepEqual(
    { who, via, operation, target, from, outcome },
    {
      who: 'all',
      via: 'token',
      operation: 'POST /v1/flush',
      target: 'local',
      from: '127.0.0.1',
      outcome: '200',
    },
  );
  const wrong = { ...as('all'), 'x-request-id': 'a "quoted" id' };
  await assertCode(await post(guarded, '/v1/flush', { tier: 'none' }, wrong), 'body_invalid');
  const failed = await audited('admin', ({ outcome }) => outcome === 'body_invalid');
  assert.equal(failed.request_id, undefined);
});

test('with AUDIT_WRITES, a write has an audit line without its value', async () => {
  await put(guarded, 'borrow_rate:AUDIT', '"secret-value"', { headers: as('rates') });
  const line = await audited('write', ({ target }) => target === 'borrow_rate:AUDIT');
  assert.equal(line.outcome, '201');
  const text = JSON.stringify(guarded.logs);
  assert.ok(!text.includes('secret-value'));
  for (const token of Object.values(tokens.tokens)) assert.ok(!text.includes(token));
});

test('probes, metrics and statistics need no token', async () => {
  for (const path of ['/health', '/livez', '/readyz', '/metrics', '/stats'])
    assert.equal((await guarded.fetch(path)).status, 200, path);
});

test('a revoked token is refused, and SIGHUP loads the tokens again', async (t) => {
  const file = tokensFile({ one: { scopes: ['read'] }, two: { scopes: ['read'] } });
  t.after(() => file.remove());
  const service = await startService({ standalone: true, env: { ...PATIENT, AUTH_TOKENS_FILE: file.path } });
  t.after(() => service.stop());
  await assertCode(await get(service, 'a', file.bearer('one')), 'cache_miss');
  file.write({ two: { scopes: ['read'] } });
  service.kill('SIGHUP');
  await service.waitForLog(({ msg }) => msg?.startsWith('SIGHUP: tokens and keys') ?? false);
  await service.waitForLog(({ msg }) => msg === 'The tokens file was loaded again.');
  await assertCode(await get(service, 'a', file.bearer('one')), 'unauthenticated');
  await assertCode(await get(service, 'a', file.bearer('two')), 'cache_miss');
});

test('a JWT is verified while the body of its request is kept', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const jwks = join(directory(t), 'jwks.json');
  writeFileSync(jwks, JSON.stringify({ keys: [jwk] }));
  const service = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_JWKS_FILE: jwks, AUTH_JWT_AUDIENCE: AUDIENCE, AUTH_JWT_ISSUER: ISSUER },
  });
  t.after(() => service.stop());
  const value = JSON.stringify('x'.repeat(600_000));
  const headers = { authorization: `Bearer ${await sign({ scope: 'read write' })}` };
  assert.equal((await put(service, 'jwt:A', value, { headers })).status, 201);
  assert.equal(await (await get(service, 'jwt:A', headers)).text(), value);
  // The head and the body arrive apart, with a token that was not verified before.
  const other = await sign({ scope: 'write', 'ratecache.prefixes': ['jwt:'] });
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  const lines = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nAuthorization: Bearer ${other}\r\n`;
  await connection.send(`PUT /v1/cache/jwt:B HTTP/1.1\r\n${lines}\r\n4`);
  await get(service, 'jwt:A', headers);
  await connection.send('2');
  assert.equal((await connection.readResponses(1))[0]!.status, 201);
  assert.equal(await (await get(service, 'jwt:B', headers)).text(), '42');
  const wrong = { authorization: `Bearer ${await sign({ aud: 'others' })}` };
  await assertCode(await put(service, 'jwt:A', value, { headers: wrong }), 'unauthenticated');
  assert.equal(await (await get(service, 'jwt:A', headers)).text(), value);
});

test('a page of another origin cannot change anything, even in an open service', async () => {
  const body = { method: 'PUT', body: '1' };
  const send = (headers: Record<string, string>, init: RequestInit = body) =>
    open.fetch('/v1/cache/page:A', {
      ...init,
      headers: { 'content-type': 'application/json', ...headers },
    });
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    await assertCode(await send(headers as Record<string, string>), 'origin_refused');
    await assertCode(await send(headers as Record<string, string>, { method: 'DELETE' }), 'origin_refused');
  }
  await assertCode(await get(open, 'page:A'), 'cache_miss');
  assert.equal((await send({ origin: open.url, 'sec-fetch-site': 'same-origin' })).status, 201);
});

test('a body without Content-Type is refused', async () => {
  for (const [line, body] of [
    ['PUT /v1/cache/page:B', '1'],
    ['POST /v1/mget', '{"keys":[]}'],
    ['POST /v1/flush', '{}'],
  ]) {
    assert.equal(
      await statusOf(`${line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body!.length}\r\n\r\n${body}`),
      415,
    );
  }
  assert.equal(await statusOf('POST /v1/cleanup HTTP/1.1\r\nHost: localhost\r\n\r\n'), 200);
});

test('without tokens, Host must be an address, localhost or in ALLOWED_HOSTS', async () => {
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example']) {
    assert.equal(await statusOf(`DELETE /v1/cache/a HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 403, host);
    assert.equal(await statusOf(`GET /v1/keys HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 403, host);
  }
  for (const host of ['a:b:c', '[evil]']) {
    assert.equal(await statusOf(`DELETE /v1/cache/a HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 400, host);
    assert.equal(await statusOf(`GET /v1/keys HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 400, host);
  }
  for (const host of [
    'localhost',
    'LOCALHOST:80',
    '127.0.0.1:8000',
    '10.1.2.3',
    '[::1]:1',
    'cache-service:8000',
  ]) {
    assert.equal(await statusOf(`DELETE /v1/cache/a HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 204, host);
    assert.equal(await statusOf(`GET /v1/keys HTTP/1.1\r\nHost: ${host}\r\n\r\n`), 200, host);
  }
});

async function assertCode(answer: Response, code: ErrorCode): Promise<void> {
  assert.equal((await jsonOf(answer)).code, code);
  assert.equal(answer.status, ERRORS[code][0]);
}

/** The answer of the open service to bytes. */
async function statusOf(bytes: string): Promise<number> {
  const connection = await connect(open.port);
  try {
    await connection.send(bytes);
    return (await connection.readResponses(1))[0]!.status;
  } finally {
    connection.destroy();
  }
}
