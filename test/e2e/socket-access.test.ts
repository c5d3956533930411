import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type LogLine, type Service, startService } from '../../loadtest/target/service.ts';
import { AUDIENCE, directory, ISSUER, issuer } from '../access/support.ts';
import { jsonOf, post, put } from '../support/client.ts';
import { type TokensFile, tokensFile } from '../support/tokens.ts';
import { connectWs, Refused, type WsClient, wsFor } from '../support/ws-client.ts';

let tokens: TokensFile;
let service: Service;

before(async () => {
  tokens = tokensFile({
    all: { scopes: ['read', 'write', 'admin'] },
    reader: { scopes: ['read'] },
    writer: { scopes: ['write'] },
    rates: { scopes: ['read', 'write'], prefixes: ['borrow_rate:'] },
    expired: { scopes: ['read'], expires: '2020-01-01T00:00:00Z' },
  });
  service = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path, AUDIT_WRITES: 'true' },
  });
});

after(async () => {
  await service?.stop();
  tokens?.remove();
});

function client(t: TestContext, headers: Record<string, string> = {}, on = service): Promise<WsClient> {
  return wsFor(t, on, { headers });
}

const as = (name: string) => tokens.bearer(name);
const auth = (ws: WsClient, name: string) => ws.request('auth', { token: tokens.tokens[name] });
const audited = (kind: string, match: (line: LogLine) => boolean) =>
  service.waitForLog((line) => line.audit === kind && match(line));

test('an upgrade with a wrong token is answered with 401 and a challenge', async () => {
  for (const authorization of ['Bearer rct_unknown', as('expired').authorization]) {
    const refused = await connectWs(service, { headers: { authorization } }).catch((error: Refused) => error);
    assert.ok(refused instanceof Refused);
    assert.equal(refused.response.status, 401);
    assert.equal(refused.response.headers.get('www-authenticate'), 'Bearer');
    assert.equal((await jsonOf(refused.response)).code, 'unauthenticated');
  }
  await audited('refused', ({ operation }) => operation === 'GET /v1/ws');
});

test('a socket without a token may only authenticate, and is closed with 4401 after a deadline', async (t) => {
  const ws = await client(t);
  for (const [op, fields] of Object.entries({
    get: { key: 'a' },
    mget: { keys: ['a'] },
    set: { key: 'a', value: 1 },
    delete: { key: 'a' },
    subscribe: { prefixes: ['a'] },
  }))
    assert.equal((await ws.request(op, fields)).code, 'unauthenticated', op);
  assert.ok((await ws.request('ping')).ok);
  assert.equal((await ws.closed).code, 4401);
});

test('an auth request gives the rights of its token, and a wrong one closes the socket with 4401', async (t) => {
  const ws = await client(t);
  const { ok, name } = await auth(ws, 'reader');
  assert.deepEqual([ok, name], [true, 'reader']);
  assert.equal((await ws.request('get', { key: 'a' })).status, 'miss');
  assert.equal((await ws.request('set', { key: 'a', value: 1 })).code, 'forbidden');
  assert.ok((await auth(ws, 'writer')).ok);
  assert.equal((await ws.request('set', { key: 'a', value: 1 })).status, 'created');
  assert.equal((await ws.request('get', { key: 'a' })).code, 'forbidden');
  await audited(
    'write',
    ({ who, operation, target, outcome }) =>
      who === 'writer' && operation === 'set' && target === 'a' && outcome === 'ok',
  );
  assert.equal((await ws.request('auth', { token: 'rct_wrong' })).code, 'unauthenticated');
  assert.equal((await ws.closed).code, 4401);
  const text = JSON.stringify(service.logs);
  for (const token of [...Object.values(tokens.tokens), 'rct_wrong']) assert.ok(!text.includes(token));
});

test('prefixes limit requests and subscriptions of a socket', async (t) => {
  const ws = await client(t, as('rates'));
  assert.equal((await ws.request('set', { key: 'borrow_rate:W', value: 1 })).status, 'created');
  // Refused although L1 has the key.
  await put(service, 'volatility:W', '1', { headers: as('all') });
  for (const [op, fields] of [
    ['get', { key: 'volatility:W' }],
    ['set', { key: 'volatility:W', value: 1 }],
    ['delete', { key: 'volatility:W' }],
    ['subscribe', { keys: ['borrow_rate:W', 'volatility:W'] }],
    ['subscribe', { types: ['volatility'] }],
    ['subscribe', { types: ['other'] }],
    ['subscribe', { prefixes: ['borrow_rat'] }],
  ] as const)
    assert.equal((await ws.request(op, fields)).code, 'forbidden', JSON.stringify(fields));
  const { results } = await ws.request('mget', { keys: ['volatility:W', 'borrow_rate:W'] });
  assert.deepEqual(
    results.map(({ status, code }: { status: string; code?: string }) => code ?? status),
    ['forbidden', 'hit'],
  );
  const { items } = await ws.subscribe({
    types: ['borrow_rate'],
    prefixes: ['borrow_rate:'],
    keys: ['borrow_rate:W'],
  });
  assert.ok(items.every(({ key }) => key.startsWith('borrow_rate:')));
});

test('a socket learns nothing of invalidations outside its prefixes', async (t) => {
  const ws = await client(t, as('rates'));
  await ws.subscribe({ prefixes: ['borrow_rate:N'], values: true });
  await post(service, '/v1/invalidate', { pattern: 'volatility:SECRET*' }, as('all'));
  await post(service, '/v1/invalidate', { types: ['volatility'] }, as('all'));
  await put(service, 'volatility:SECRET', '1', { headers: as('all') });
  await post(service, '/v1/invalidate', { pattern: 'borrow_*' }, as('all'));
  await put(service, 'borrow_rate:N1', '1', { headers: as('all') });
  await ws.nextEvent(({ key }) => key === 'borrow_rate:N1');
  assert.deepEqual(
    ws.events.map(({ event, key, pattern }) => [event, key ?? pattern]),
    [
      ['invalidate', 'borrow_*'],
      ['update', 'borrow_rate:N1'],
    ],
  );
});

test('an auth request that does not cover the subscriptions is refused, and the rights stay', async (t) => {
  const ws = await client(t, as('all'));
  const { id } = await ws.subscribe({ prefixes: ['volatility:K'], values: true });
  assert.equal((await auth(ws, 'rates')).code, 'forbidden');
  assert.equal((await auth(ws, 'writer')).code, 'forbidden');
  assert.equal((await ws.request('set', { key: 'volatility:K', value: 1 })).status, 'created');
  await ws.nextEvent(({ key }) => key === 'volatility:K');
  assert.ok((await ws.request('unsubscribe', { subscription: id })).ok);
  assert.ok((await auth(ws, 'rates')).ok);
  assert.equal((await ws.request('get', { key: 'volatility:K' })).code, 'forbidden');
});

test('sockets of a revoked token are closed with 4401, and others stay open', async (t) => {
  const file = tokensFile({ one: { scopes: ['read'] }, two: { scopes: ['read'] } });
  t.after(() => file.remove());
  const own = await startService({ standalone: true, env: { ...PATIENT, AUTH_TOKENS_FILE: file.path } });
  t.after(() => own.stop());
  const [one, two] = [await client(t, file.bearer('one'), own), await client(t, file.bearer('two'), own)];
  assert.ok((await one.request('ping')).ok);
  file.write({ two: { scopes: ['read'] } });
  assert.equal((await one.closed).code, 4401);
  assert.equal((await two.request('get', { key: 'a' })).status, 'miss');
});

test('a socket is closed with 4401 when its JWT expires, unless another auth request came before', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const jwks = join(directory(t), 'jwks.json');
  writeFileSync(jwks, JSON.stringify({ keys: [jwk] }));
  const own = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_JWKS_FILE: jwks, AUTH_JWT_AUDIENCE: AUDIENCE, AUTH_JWT_ISSUER: ISSUER },
  });
  t.after(() => own.stop());
  // The tolerance of clocks is 5 s, so both tokens are accepted for about six seconds.
  const soon = () => sign({ scope: 'read', exp: Math.floor(Date.now() / 1000) + 1 });
  const short = await client(t, { authorization: `Bearer ${await soon()}` }, own);
  const renewed = await client(t, { authorization: `Bearer ${await soon()}` }, own);
  assert.ok((await renewed.request('auth', { token: await sign({ scope: 'read' }) })).ok);
  assert.equal((await short.closed).code, 4401);
  assert.equal((await renewed.request('get', { key: 'a' })).status, 'miss');
});

test('a service without tokens answers an auth request, which has no effect', async (t) => {
  const open = await startService({ standalone: true, env: PATIENT });
  t.after(() => open.stop());
  const ws = await client(t, {}, open);
  assert.deepEqual(await ws.request('auth', { token: 'any', id: 1 }), { id: 1, ok: true });
  assert.equal((await ws.request('get', { key: 'a' })).status, 'miss');
});
