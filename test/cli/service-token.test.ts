import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { directory } from '../access/support.ts';
import { get, put } from '../support/client.ts';
import { type TokensFile, tokensFile } from '../support/tokens.ts';

let tokens: TokensFile;
let service: Service;
let opsPort: string;

before(async () => {
  tokens = tokensFile({ ops: { scopes: ['read', 'write', 'admin'] } });
  service = await startService({
    standalone: true,
    env: { ...PATIENT, AUTH_TOKENS_FILE: tokens.path, OPS_PORT: '0' },
  });
  opsPort = String((await service.waitForLog(({ msg }) => msg === 'listening')).ops_port);
});

after(async () => {
  await service?.stop();
  tokens?.remove();
});

test('invalidate and warmup send the token of RATECACHE_TOKEN or of --token-file', async (t) => {
  const token = tokens.tokens.ops!;
  const folder = directory(t);
  const file = join(folder, 'token');
  writeFileSync(file, `${token}\n`);
  const data = join(folder, 'data.ndjson');
  writeFileSync(data, '{"key":"borrow_rate:T","value":1}\n');
  const url = ['--url', service.url];

  const without = await runMain(['invalidate', ...url, 'borrow_rate:T']);
  assert.equal(without.code, 1);
  assert.match(without.stderr, /answered 401 unauthenticated/);
  assert.equal((await runMain(['warmup', data, ...url, '--quiet'])).code, 1);

  assert.equal((await runMain(['warmup', data, ...url, '--quiet', '--token-file', file])).code, 0);
  assert.equal((await get(service, 'borrow_rate:T', tokens.bearer('ops'))).status, 200);
  const named = await runMain(['invalidate', ...url, 'borrow_rate:T'], { RATECACHE_TOKEN: token });
  assert.deepEqual([named.code, named.stdout], [0, '1 invalidated\n']);
  await put(service, 'borrow_rate:T', '1', { headers: tokens.bearer('ops') });
  const filed = await runMain(['invalidate', ...url, 'borrow_rate:T', '--token-file', file], {
    RATECACHE_TOKEN: 'rct_wrong',
  });
  assert.deepEqual([filed.code, filed.stdout], [0, '1 invalidated\n'], '--token-file overrides the variable');
});

test('a token that does not fit in a header is an error that does not show it', async () => {
  const { code, stderr } = await runMain(['check'], { RATECACHE_TOKEN: 'two\nlines' });
  assert.equal(code, 64);
  assert.match(stderr, /^ratecache: RATECACHE_TOKEN contains no token/);
  assert.doesNotMatch(stderr, /two/);
});

test('check and stats use OPS_PORT of the environment', async () => {
  const env = { PORT: String(service.port), OPS_PORT: opsPort };
  for (const args of [['check'], ['check', '--ready'], ['check', '--live'], ['stats']])
    assert.equal((await runMain(args, env)).code, 0, args.join(' '));
});
