import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { Authenticator } from '../../src/access/authenticator.ts';
import { isCurrent } from '../../src/access/principal.ts';
import { type ErrorCode, ServiceError } from '../../src/errors.ts';
import {
  AUDIENCE,
  bearer,
  directory,
  ISSUER,
  issuer,
  keyServer,
  recordedLog,
  writeTokens,
} from './support.ts';

interface Setup {
  readonly keys: { readonly file: string } | { readonly url: string };
  readonly tokensFile?: string;
  readonly now?: () => number;
}

async function open(t: TestContext, { keys, tokensFile, now = Date.now }: Setup) {
  const recorded = recordedLog();
  const authenticator = await Authenticator.open(
    { tokensFile, jwt: { keys, audience: AUDIENCE, issuer: ISSUER } },
    { log: recorded.log, now },
  );
  t.after(() => authenticator.close());
  return { authenticator, ...recorded };
}

function keysFile(t: TestContext, ...keys: readonly JWK[]): { file: string } {
  const file = join(directory(t), 'jwks.json');
  writeFileSync(file, JSON.stringify({ keys }));
  return { file };
}

async function refuses(
  authenticator: Authenticator,
  token: string,
  detail: RegExp,
  code: ErrorCode = 'unauthenticated',
) {
  await assert.rejects(authenticator.verify(bearer(token)), (error) => {
    assert.ok(error instanceof ServiceError);
    assert.equal(error.code, code);
    assert.match(error.message, detail);
    return true;
  });
}

for (const alg of ['RS256', 'PS256', 'ES256', 'ES512', 'EdDSA']) {
  test(`a JWT that is signed with ${alg} is verified once, and is then found without a promise`, async (t) => {
    const { jwk, sign } = await issuer('k1', alg);
    const { authenticator } = await open(t, { keys: keysFile(t, jwk) });
    const header = bearer(await sign({ scope: 'openid read' }));
    assert.equal(authenticator.lookup(header), undefined);
    const principal = await authenticator.verify(header);
    assert.equal(authenticator.lookup(header), principal);
    assert.equal(principal.name, 'engine');
    assert.equal(principal.via, 'jwt');
    assert.deepEqual(principal.scopes, new Set(['read']));
    assert.equal(principal.prefixes, undefined);
  });
}

test('the claims of this service give scopes and prefixes, as dotted names or as a nested object', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const { authenticator } = await open(t, { keys: keysFile(t, jwk) });
  for (const claims of [
    { 'ratecache.scopes': ['read', 'write'], 'ratecache.prefixes': ['min_rate:'], scope: 'admin' },
    { ratecache: { scopes: ['read', 'write'], prefixes: ['min_rate:'] }, scope: 'admin' },
  ]) {
    const { scopes, prefixes } = await authenticator.verify(bearer(await sign(claims)));
    assert.deepEqual(scopes, new Set(['read', 'write']));
    assert.deepEqual(prefixes, ['min_rate:']);
  }
});

test('a malformed claim of rights is refused, and never means every key', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const { authenticator } = await open(t, { keys: keysFile(t, jwk) });
  for (const [claims, detail] of [
    [{ 'ratecache.prefixes': 'min_rate:' }, /claim ratecache\.prefixes/],
    [{ 'ratecache.prefixes': [''] }, /claim ratecache\.prefixes/],
    [{ 'ratecache.scopes': ['root'] }, /claim ratecache\.scopes/],
    [{ ratecache: { prefixes: 7 } }, /claim ratecache\.prefixes/],
    [{ ratecache: 'read' }, /claim ratecache /],
    [{ scope: ['read'] }, /claim scope/],
  ] as const)
    await refuses(authenticator, await sign(claims), detail);
  assert.deepEqual(
    (await authenticator.verify(bearer(await sign({ 'ratecache.prefixes': [] })))).prefixes,
    [],
  );
});

test('a JWT without scopes has no rights', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const { authenticator } = await open(t, { keys: keysFile(t, jwk) });
  assert.equal((await authenticator.verify(bearer(await sign()))).scopes.size, 0);
});

test('a JWT for another audience, of another issuer, without expiry or subject, or not yet valid is refused', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const { authenticator } = await open(t, { keys: keysFile(t, jwk) });
  const soon = Math.floor(Date.now() / 1000) + 60;
  for (const [claims, detail] of [
    [{ aud: 'other' }, /claim aud/],
    [{ aud: undefined }, /claim aud/],
    [{ iss: 'https://other.example.com' }, /claim iss/],
    [{ exp: undefined }, /claim exp/],
    [{ sub: undefined }, /claim sub/],
    [{ nbf: soon }, /claim nbf/],
  ] as const)
    await refuses(authenticator, await sign(claims), detail);
  await authenticator.verify(bearer(await sign({ aud: ['other', AUDIENCE] })));
});

test('a JWT expires 5 s after its claim exp, also after it was verified', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const exp = Math.floor(Date.now() / 1000) + 60;
  let now = exp * 1000 + 4999;
  const { authenticator } = await open(t, { keys: keysFile(t, jwk), now: () => now });
  const token = await sign({ exp });
  await authenticator.verify(bearer(token));
  now++;
  assert.equal(authenticator.lookup(bearer(token)), undefined);
  await refuses(authenticator, token, /expired/);
});

test('a JWT without a signature, with a shared secret, of another key or with changed claims is refused', async (t) => {
  const { jwk, sign } = await issuer('k1', 'RS256');
  const stranger = await issuer('k1', 'RS256');
  const { authenticator } = await open(t, { keys: keysFile(t, jwk) });
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'engine', scope: 'admin' };
  const unsecured = new UnsecuredJWT(claims).setExpirationTime('1h').encode();
  const shared = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JSON.stringify(jwk)));
  const [head, , signature] = (await sign()).split('.');
  const changed = [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
  for (const token of [unsecured, shared, changed, await stranger.sign({ scope: 'admin' }), 'a.b.c'])
    await refuses(authenticator, token, /not a JWT/);
});

test('a token with any header, claims or signature is refused as unauthenticated, and is not logged', async (t) => {
  const kinds = await Promise.all(['RS256', 'ES256', 'EdDSA'].map((alg) => issuer(alg, alg)));
  const { authenticator, lines } = await open(t, { keys: keysFile(t, ...kinds.map(({ jwk }) => jwk)) });
  const text = (value: unknown) => Buffer.from(JSON.stringify(value) ?? '').toString('base64url');
  const header = fc.record(
    {
      alg: fc.oneof(
        fc.constantFrom('RS256', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256', 'none'),
        fc.jsonValue(),
      ),
      kid: fc.oneof(fc.constantFrom('RS256', 'ES256', 'EdDSA'), fc.jsonValue()),
      b64: fc.jsonValue(),
      crit: fc.oneof(fc.constant(['b64']), fc.jsonValue()),
      jwk: fc.constant(kinds[1]!.jwk),
      typ: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString('base64url'));
  const part = fc.oneof(
    header.map(text),
    fc.jsonValue().map(text),
    bytes,
    fc.constantFrom('', '=', 'A', '~'),
  );
  const token = fc.oneof(
    fc.tuple(header.map(text), part, bytes).map((parts) => parts.join('.')),
    fc.array(part, { maxLength: 6 }).map((parts) => `x${parts.join('.')}`),
  );
  await fc.assert(
    fc.asyncProperty(token, async (made) => {
      await assert.rejects(
        authenticator.verify(bearer(made)),
        (error) => error instanceof ServiceError && error.code === 'unauthenticated',
      );
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(lines, []);
});

test('the entry of a subject in the tokens file replaces the rights of the claims', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const tokensFile = join(directory(t), 'tokens.json');
  const subject = 'system:serviceaccount:pricing:engine';
  const entry = { name: 'pricing', subject, scopes: ['read'], prefixes: ['borrow_rate:'] };
  writeTokens(tokensFile, entry);
  const { authenticator } = await open(t, { keys: keysFile(t, jwk), tokensFile });
  // The claims of a projected service-account token of Kubernetes.
  const token = await sign({
    aud: [AUDIENCE],
    sub: subject,
    scope: 'admin',
    'kubernetes.io': { namespace: 'pricing', serviceaccount: { name: 'engine', uid: 'd0c4ad61' } },
  });
  const principal = await authenticator.verify(bearer(token));
  assert.equal(principal.name, 'pricing');
  assert.deepEqual(principal.scopes, new Set(['read']));
  assert.deepEqual(principal.prefixes, ['borrow_rate:']);
  writeTokens(tokensFile, { ...entry, scopes: ['write'] });
  await authenticator.reload();
  assert.ok(!isCurrent(principal, Date.now()));
  assert.deepEqual((await authenticator.verify(bearer(token))).scopes, new Set(['write']));
});

test('a key that is added to the file is used, and a removed key revokes what it verified', async (t) => {
  const [old, young] = await Promise.all([issuer('old'), issuer('young')]);
  const keys = keysFile(t, old.jwk);
  const { authenticator } = await open(t, { keys });
  const oldToken = await old.sign();
  const principal = await authenticator.verify(bearer(oldToken));
  const youngToken = await young.sign();
  await refuses(authenticator, youngToken, /not a JWT/);
  writeFileSync(keys.file, JSON.stringify({ keys: [old.jwk, young.jwk] }));
  await authenticator.reload();
  assert.ok(isCurrent(principal, Date.now()));
  await authenticator.verify(bearer(youngToken));
  const told = new Promise((resolve) => authenticator.onRevoked(resolve));
  writeFileSync(keys.file, JSON.stringify({ keys: [young.jwk] }));
  await authenticator.reload();
  assert.deepEqual(await told, []);
  assert.ok(!isCurrent(principal, Date.now()));
  await refuses(authenticator, oldToken, /not a JWT/);
  await authenticator.verify(bearer(youngToken));
});

test('a faulty new file of keys keeps the old keys, and one error is logged', async (t) => {
  const { jwk, privateJwk, sign } = await issuer('k1');
  const keys = keysFile(t, jwk);
  const { authenticator, lines } = await open(t, { keys });
  writeFileSync(keys.file, JSON.stringify({ keys: [privateJwk] }));
  await authenticator.reload();
  await authenticator.reload();
  await authenticator.verify(bearer(await sign()));
  const errors = lines.filter(({ level }) => level === 'error');
  assert.equal(errors.length, 1);
  assert.match(String(errors[0]!.fault), /keys\.0: expected a public key/);
  assert.ok(!JSON.stringify(lines).includes(privateJwk.d!));
});

test('a file of keys with a shared secret, without keys or without JSON is an error at the start', async (t) => {
  const file = join(directory(t), 'jwks.json');
  for (const text of ['{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', '{"keys": []}', '{}', 'x']) {
    writeFileSync(file, text);
    await assert.rejects(open(t, { keys: { file } }), (error: Error) => {
      assert.match(error.message, /^The file of keys is not/);
      assert.doesNotMatch(error.message, /c2VjcmV0/);
      return true;
    });
  }
});

test('keys of a URL are fetched once for many tokens, and again on reload', async (t) => {
  const [old, young] = await Promise.all([issuer('old'), issuer('young')]);
  const server = await keyServer(t, [old.jwk]);
  const { authenticator } = await open(t, { keys: { url: server.url } });
  assert.equal(server.requests, 0);
  for (const sub of ['a', 'b', 'c']) await authenticator.verify(bearer(await old.sign({ sub })));
  assert.equal(server.requests, 1);
  server.keys = [young.jwk];
  await authenticator.reload();
  assert.equal((await authenticator.verify(bearer(await young.sign()))).name, 'engine');
  assert.equal(server.requests, 2);
});

test('a URL of keys that fails is 503, not 401, and the next token is verified when it works', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const server = await keyServer(t, [jwk]);
  server.status = 500;
  const { authenticator, lines } = await open(t, { keys: { url: server.url } });
  const token = await sign();
  for (let i = 0; i < 3; i++) await refuses(authenticator, token, /unavailable/, 'identity_unavailable');
  assert.equal(lines.filter(({ level }) => level === 'error').length, 1);
  server.status = 200;
  await authenticator.verify(bearer(token));
  assert.match(lines.at(-1)!.msg, /available again/);
});

test('requests with the same new token share one verification', async (t) => {
  const { jwk, sign } = await issuer('k1');
  const server = await keyServer(t, [jwk]);
  const { authenticator } = await open(t, { keys: { url: server.url } });
  const header = bearer(await sign());
  const [first, second] = await Promise.all([authenticator.verify(header), authenticator.verify(header)]);
  assert.equal(first, second);
});
