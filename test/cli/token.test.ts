import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { program } from '../../loadtest/target/program.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { digestOf, newToken } from '../../src/access/token.ts';

function tokensFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-token-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'tokens.json');
}

const entriesOf = (file: string) => JSON.parse(readFileSync(file, 'utf8')).tokens;

test('token new prints a token once, and adds its hash to a file that only its owner may read', async (t) => {
  const file = tokensFile(t);
  const args = ['--scope', 'read', '--scope', 'write', '--prefix', 'borrow_rate:', '--file', file];
  const { code, stdout, stderr } = await runMain(['token', 'new', '--name', 'pricing', ...args]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^rct_[A-Za-z0-9_-]{43}\n$/);
  assert.doesNotMatch(stderr, /rct_/);
  const [entry] = entriesOf(file);
  assert.equal(entry.sha256, digestOf(stdout.trim()));
  assert.deepEqual(
    [entry.name, entry.scopes, entry.prefixes],
    ['pricing', ['read', 'write'], ['borrow_rate:']],
  );
  const days = (Date.parse(entry.expires) - Date.now()) / 86_400_000;
  assert.ok(days > 89.9 && days <= 90, entry.expires);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(!readFileSync(file, 'utf8').includes(stdout.trim()));
});

test('token new keeps the entries, the mode and the link of an existing file', async (t) => {
  const file = tokensFile(t);
  const other = { name: 'other', sha256: digestOf(newToken()), scopes: ['admin'] };
  writeFileSync(file, JSON.stringify({ tokens: [other] }), { mode: 0o640 });
  const link = `${file}.link`;
  symlinkSync(file, link);
  const args = ['--scope', 'read', '--expires', 'never', '--file', link];
  assert.equal((await runMain(['token', 'new', '--name', 'pricing', ...args])).code, 0);
  const [first, second] = entriesOf(file);
  assert.deepEqual(first, other);
  assert.deepEqual([second.name, 'expires' in second], ['pricing', false]);
  assert.equal(statSync(file).mode & 0o777, 0o640);
});

test('token new without a file prints the entry after the token', async () => {
  const { stdout } = await runMain(['token', 'new', '--name', 'a', '--scope', 'read', '--expires', '12h']);
  const [token, entry] = stdout.trim().split('\n');
  assert.equal(JSON.parse(entry!).sha256, digestOf(token!));
});

test('token new changes nothing if the name exists, the file is invalid, or another writer is active', async (t) => {
  const file = tokensFile(t);
  const add = () => runMain(['token', 'new', '--name', 'a', '--scope', 'read', '--file', file]);
  assert.equal((await add()).code, 0);
  const before = readFileSync(file, 'utf8');
  const twice = await add();
  assert.deepEqual([twice.code, twice.stdout], [1, '']);
  assert.match(twice.stderr, /tokens\[1\]\.name: expected a value that tokens\[0\] does not have/);
  assert.equal(readFileSync(file, 'utf8'), before);
  assert.ok(!existsSync(`${file}.new`));
  writeFileSync(`${file}.new`, '');
  assert.match((await add()).stderr, /another program is writing .*delete this file/);
  rmSync(`${file}.new`);
  writeFileSync(file, '{');
  assert.match((await add()).stderr, /line 1: expected valid JSON/);
  assert.equal(readFileSync(file, 'utf8'), '{');
});

test('token list shows names, scopes, prefixes and expiry, marks expired entries, and shows no hash', async (t) => {
  const file = tokensFile(t);
  const sha256 = digestOf(newToken());
  const tokens = [
    {
      name: 'pricing',
      sha256,
      scopes: ['read'],
      prefixes: ['borrow_rate:'],
      expires: '2020-01-01T00:00:00Z',
    },
    { name: 'engine', subject: 'system:serviceaccount:pricing:engine', scopes: ['read', 'write'] },
  ];
  writeFileSync(file, JSON.stringify({ tokens }));
  const { code, stdout } = await runMain(['token', 'list', '--file', file]);
  assert.equal(code, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  assert.deepEqual(lines, [
    ['NAME', 'KIND', 'SCOPES', 'PREFIXES', 'EXPIRES'],
    ['pricing', 'token', 'read', 'borrow_rate:', '2020-01-01T00:00:00Z (expired)'],
    ['engine', 'jwt system:serviceaccount:pricing:engine', 'read write', 'every key', 'never'],
  ]);
  const json = await runMain(['token', 'list', '--file', file, '--json']);
  assert.deepEqual(
    JSON.parse(json.stdout).map(({ name, expired }: { name: string; expired: boolean }) => [name, expired]),
    [
      ['pricing', true],
      ['engine', false],
    ],
  );
  assert.ok(!(stdout + json.stdout).includes(sha256));
});

test('token hash reads a token from standard input', async () => {
  const hash = async (input: string) => {
    const { command, args } = program('token', 'hash');
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.end(input);
    return await text(child.stdout);
  };
  const token = newToken();
  assert.equal(await hash(`${token}\n`), `${digestOf(token)}\n`);
  assert.equal(await hash('\n'), '');
});

test('a missing flag, a flag without effect and a wrong value are usage errors', async (t) => {
  const file = tokensFile(t);
  const name = ['--name', 'a'];
  const scope = ['--scope', 'read'];
  const mistakes: readonly (readonly [args: readonly string[], told: RegExp])[] = [
    [['new', ...scope], /token new needs --name/],
    [['new', ...name], /token new needs --scope/],
    [['list'], /token list needs --file/],
    [['list', '--file', file, ...name], /--name has no effect on token list/],
    [['hash', '--expires', '1d'], /--expires has no effect on token hash/],
    [['new', ...name, ...scope, '--expires', '90'], /Expected 90d/],
    [['new', ...name, ...scope, '--expires', '2020-01-01T00:00:00Z'], /in the future/],
    [['new', ...name, '--scope', 'root'], /read, write, admin/],
    [['new', '--name', 'a b', ...scope], /letters, digits/],
    [['new', ...name, ...scope, '--prefix', ''], /omit the flag/],
    [['nwe', ...name, ...scope], /new, list, hash/],
  ];
  for (const [args, told] of mistakes) {
    const { code, stdout, stderr } = await runMain(['token', ...args]);
    assert.deepEqual([code, stdout], [64, ''], args.join(' '));
    assert.match(stderr, told);
  }
});
