import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Authenticator, type AuthenticatorOptions } from '../../src/access/authenticator.ts';
import { isCurrent } from '../../src/access/principal.ts';
import { newToken } from '../../src/access/token.ts';
import { ServiceError } from '../../src/errors.ts';
import { bearer, directory, recordedLog, tokenEntry, writeTokens } from './support.ts';

async function open(t: TestContext, options: AuthenticatorOptions, now?: () => number) {
  const recorded = recordedLog();
  const authenticator = await Authenticator.open(options, { log: recorded.log, ...(now && { now }) });
  t.after(() => authenticator.close());
  return { authenticator, ...recorded };
}

const refused = (detail: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ServiceError);
  assert.equal(error.code, 'unauthenticated');
  assert.equal(error.status, 401);
  assert.match(error.message, detail);
  return true;
};

test('a token is verified once, and is then found without a promise', async (t) => {
  const path = join(directory(t), 'tokens.json');
  const { token, entry } = tokenEntry();
  writeTokens(path, entry);
  const { authenticator } = await open(t, { tokensFile: path });
  assert.equal(authenticator.lookup(bearer(token)), undefined);
  const principal = await authenticator.verify(bearer(token));
  assert.equal(principal.name, 'pricing');
  assert.equal(authenticator.lookup(bearer(token)), principal);
  // RFC 9110: the name of the scheme is case-insensitive.
  assert.equal(await authenticator.verify(`bearer  ${token}`), principal);
});

test('an unknown token, the hash of a token and a malformed header are refused', async (t) => {
  const path = join(directory(t), 'tokens.json');
  const { token, entry } = tokenEntry();
  writeTokens(path, entry);
  const { authenticator } = await open(t, { tokensFile: path });
  for (const unknown of [newToken(), entry.sha256, `${token}x`, token.slice(0, -1), 'a.b.c'])
    await assert.rejects(authenticator.verify(bearer(unknown)), refused(/unknown/));
  for (const header of [
    '',
    'Bearer',
    'Bearer ',
    token,
    `Basic ${token}`,
    `Bearer ${token} ${token}`,
    `Bearer ${token},`,
  ])
    await assert.rejects(authenticator.verify(header), refused(/Authorization: Bearer/), header);
});

test('a token is refused from its expiry on, also after it was verified', async (t) => {
  const path = join(directory(t), 'tokens.json');
  const { token, entry } = tokenEntry({ expires: '2027-01-01T00:00:00Z' });
  writeTokens(path, entry);
  let now = Date.UTC(2027, 0, 1) - 1;
  const { authenticator } = await open(t, { tokensFile: path }, () => now);
  await authenticator.verify(bearer(token));
  assert.ok(authenticator.lookup(bearer(token)));
  now++;
  assert.equal(authenticator.lookup(bearer(token)), undefined);
  await assert.rejects(authenticator.verify(bearer(token)), refused(/expired/));
});

test('a replaced file adds tokens, revokes removed tokens, and keeps the others', async (t) => {
  const path = join(directory(t), 'tokens.json');
  const [kept, removed, added] = [{ name: 'kept' }, { name: 'removed' }, { name: 'added' }].map(tokenEntry);
  writeTokens(path, kept!.entry, removed!.entry);
  const { authenticator, next } = await open(t, { tokensFile: path });
  const keptPrincipal = await authenticator.verify(bearer(kept!.token));
  const removedPrincipal = await authenticator.verify(bearer(removed!.token));
  const told = new Promise<readonly string[]>((resolve) => authenticator.onRevoked(resolve));
  writeTokens(`${path}.new`, kept!.entry, added!.entry);
  renameSync(`${path}.new`, path);
  await authenticator.reload();
  assert.deepEqual(await told, ['removed']);
  assert.equal(authenticator.lookup(bearer(kept!.token)), keptPrincipal);
  assert.ok(isCurrent(keptPrincipal, Date.now()));
  assert.equal(authenticator.lookup(bearer(removed!.token)), undefined);
  assert.ok(!isCurrent(removedPrincipal, Date.now()));
  await assert.rejects(authenticator.verify(bearer(removed!.token)), refused(/unknown/));
  assert.equal((await authenticator.verify(bearer(added!.token))).name, 'added');
  const { revoked, tokens } = await next(({ msg }) => msg.includes('loaded again'));
  assert.deepEqual([revoked, tokens], [['removed'], 2]);
});

test('an entry whose rights change gets its new rights at the next request', async (t) => {
  const path = join(directory(t), 'tokens.json');
  const { token, entry } = tokenEntry();
  writeTokens(path, entry);
  const { authenticator } = await open(t, { tokensFile: path });
  const before = await authenticator.verify(bearer(token));
  writeTokens(path, { ...entry, scopes: ['write'] });
  await authenticator.reload();
  assert.ok(!isCurrent(before, Date.now()));
  assert.equal(authenticator.lookup(bearer(token)), undefined);
  assert.deepEqual((await authenticator.verify(bearer(token))).scopes, new Set(['write']));
});

test('a faulty new file keeps the old tokens, and one error is logged', async (t) => {
  const path = join(directory(t), 'tokens.json');
  const { token, entry } = tokenEntry();
  writeTokens(path, entry);
  const { authenticator, lines } = await open(t, { tokensFile: path });
  const principal = await authenticator.verify(bearer(token));
  writeTokens(`${path}.new`, { ...entry, scopes: ['root'] });
  renameSync(`${path}.new`, path);
  await authenticator.reload();
  await authenticator.reload();
  assert.equal(authenticator.lookup(bearer(token)), principal);
  const errors = lines.filter(({ level }) => level === 'error');
  assert.equal(errors.length, 1);
  assert.deepEqual(errors[0]!.faults, ['line 7: tokens[0].scopes[0]: expected one of read, write, admin']);
  assert.ok(!JSON.stringify(lines).includes(entry.sha256));
});

test('of more than 10,000 verified tokens, the oldest is verified again', async (t) => {
  const path = join(directory(t), 'tokens.json');
  const made = Array.from({ length: 10_001 }, (_, i) => tokenEntry({ name: `client-${i}` }));
  writeTokens(path, ...made.map(({ entry }) => entry));
  const { authenticator } = await open(t, { tokensFile: path });
  for (const { token } of made) await authenticator.verify(bearer(token));
  const [oldest, second] = made;
  assert.equal(authenticator.lookup(bearer(oldest!.token)), undefined);
  assert.equal(authenticator.lookup(bearer(second!.token))?.name, 'client-1');
  assert.equal((await authenticator.verify(bearer(oldest!.token))).name, 'client-0');
});

test('a faulty file at the start is an error', async (t) => {
  const path = join(directory(t), 'tokens.json');
  const { log } = recordedLog();
  writeFileSync(path, '{');
  await assert.rejects(Authenticator.open({ tokensFile: path }, { log }), /line 1: expected valid JSON/);
  await assert.rejects(Authenticator.open({ tokensFile: `${path}.absent` }, { log }), { code: 'ENOENT' });
});
