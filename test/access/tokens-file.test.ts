import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf, newToken } from '../../src/access/token.ts';
import { NO_TOKENS, parseTokens, replaceTable, TokensFileError } from '../../src/access/tokens-file.ts';

const DIGEST = 'a'.repeat(64);
const OTHER_DIGEST = 'b'.repeat(64);
const GOOD = { name: 'pricing', sha256: DIGEST, scopes: ['read'] };

const file = (...tokens: readonly unknown[]) => JSON.stringify({ tokens }, undefined, 1);

function faultsOf(text: string): readonly string[] {
  try {
    parseTokens(text);
  } catch (error) {
    assert.ok(error instanceof TokensFileError);
    assert.doesNotMatch(error.message, /a{33}|b{33}/, 'the message contains a hash');
    return error.faults;
  }
  assert.fail('the file was accepted');
}

test('a token is 32 random bytes with a readable prefix', () => {
  const tokens = Array.from({ length: 100 }, newToken);
  for (const token of tokens) assert.match(token, /^rct_[A-Za-z0-9_-]{43}$/);
  assert.equal(new Set(tokens).size, tokens.length);
});

test('the hash of a token is its SHA-256', () => {
  assert.equal(digestOf('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('an entry becomes a principal with its rights', () => {
  const limits = { requestsPerSecond: 100, bytesPerSecond: 1_000_000 };
  const { byDigest, bySubject } = parseTokens(
    file(
      { ...GOOD, prefixes: ['borrow_rate:'], expires: '2027-01-01T00:00:00Z', limits },
      { name: 'engine', subject: 'system:serviceaccount:pricing:engine', scopes: ['read', 'write'] },
    ),
  );
  assert.deepEqual(byDigest.get(DIGEST), {
    name: 'pricing',
    via: 'token',
    scopes: new Set(['read']),
    prefixes: ['borrow_rate:'],
    expiresAt: Date.UTC(2027, 0, 1),
    limits,
    standings: [{ revoked: false }],
  });
  const engine = bySubject.get('system:serviceaccount:pricing:engine');
  assert.equal(engine?.via, 'jwt');
  assert.equal(engine.prefixes, undefined);
  assert.equal(engine.expiresAt, Number.POSITIVE_INFINITY);
});

test('every fault is reported with its line and field, and never with a hash', () => {
  const text = [
    '{"tokens": [',
    `  {"name": "a b", "sha256": "${DIGEST}", "scopes": ["read"]},`,
    `  {"name": "b", "sha256": "${OTHER_DIGEST}x", "scopes": ["read",`,
    '     "root"]},',
    '  {"name": "c", "sha265": "x", "scopes": [], "prefixes": [""]},',
    '  {"name": "d", "subject": "s", "scopes": ["read"], "expires": "tomorrow",',
    '   "limits": {"requestsPerSecond": 0}},',
    '  7',
    ']}',
  ].join('\n');
  assert.deepEqual(faultsOf(text), [
    'line 2: tokens[0].name: expected 1 to 64 letters, digits, dots, dashes or underscores',
    'line 3: tokens[1].sha256: expected 64 hexadecimal digits in lower case; ratecache token hash prints them',
    'line 4: tokens[1].scopes[1]: expected one of read, write, admin',
    'line 5: tokens[2].scopes: expected at least one of read, write, admin',
    'line 5: tokens[2].prefixes[0]: expected 1 to 512 characters; omit prefixes to allow every key',
    'line 5: tokens[2].sha265: unknown member',
    'line 6: tokens[3].expires: expected a time such as 2027-01-01T00:00:00Z',
    'line 7: tokens[3].limits.requestsPerSecond: expected a whole number of at least 1',
    'line 8: tokens[4]: expected an object',
  ]);
});

test('an entry has either a hash or a subject, and a name and scopes', () => {
  assert.match(faultsOf(file({ name: 'a', scopes: ['read'] })).join(), /tokens\[0\]: expected either sha256/);
  assert.match(faultsOf(file({ ...GOOD, subject: 's' })).join(), /tokens\[0\]: expected either sha256/);
  assert.deepEqual(faultsOf(file({ sha256: DIGEST })), [
    'line 3: tokens[0].name: is missing',
    'line 3: tokens[0].scopes: is missing',
  ]);
});

test('a name, a hash and a subject occur once', () => {
  assert.deepEqual(faultsOf(file(GOOD, { ...GOOD, sha256: OTHER_DIGEST })), [
    'line 11: tokens[1].name: expected a value that tokens[0] does not have',
  ]);
  assert.match(faultsOf(file(GOOD, { ...GOOD, name: 'b' })).join(), /tokens\[1\]\.sha256: expected a value/);
});

test('a syntax error is reported with its line, and without the text around it', () => {
  for (const [text, line] of [
    ['', 1],
    [`{"tokens": [\n{"name": "a", "sha256": "${DIGEST}"\n"scopes": []}\n]}`, 3],
    [`{"tokens": [\n{"name": x, "sha256": "${DIGEST}"}\n]}`, 2],
    [`{"tokens": [\n{"name": "a", "sha256": "${DIGEST}\n"}\n]}`, 2],
    ['{"tokens": [\n"x",\n', 2],
    ['{"tokens": []\n}\n}', 3],
    ["{\n'tokens': []}", 2],
  ] as const)
    assert.deepEqual(faultsOf(text), [`line ${line}: expected valid JSON`], text);
  assert.deepEqual(faultsOf('[]'), ['line 1: tokens: is missing']);
  assert.deepEqual(faultsOf('{"tokens": [\n[]]}'), [
    'line 2: tokens[0].name: is missing',
    'line 2: tokens[0].scopes: is missing',
  ]);
  assert.deepEqual(faultsOf('7'), ['line 1: expected an object']);
});

test('a hash in the place of a member name does not appear in the fault', () => {
  assert.match(faultsOf(file({ ...GOOD, [OTHER_DIGEST]: 1 })).join(), /\(long name\): unknown member/);
});

test('a replaced table keeps unchanged entries, and revokes removed and changed entries', () => {
  const old = parseTokens(file(GOOD, { ...GOOD, name: 'other', sha256: OTHER_DIGEST }));
  const kept = old.byDigest.get(DIGEST)!;
  const changed = old.byDigest.get(OTHER_DIGEST)!;
  const { table, revoked } = replaceTable(
    old,
    parseTokens(file({ ...GOOD, name: 'other', sha256: OTHER_DIGEST, scopes: ['write'] }, GOOD)),
  );
  assert.equal(table.byDigest.get(DIGEST), kept);
  assert.deepEqual(revoked, ['other']);
  assert.deepEqual(changed.standings, [{ revoked: true }]);
  assert.deepEqual(table.byDigest.get(OTHER_DIGEST)?.standings, [{ revoked: false }]);
  assert.deepEqual(replaceTable(table, NO_TOKENS).revoked.sort(), ['other', 'pricing']);
  assert.deepEqual(kept.standings, [{ revoked: true }]);
});
