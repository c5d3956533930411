/** `serve --check` against running services, and `GET /v1/configuration`. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { startService } from '../../loadtest/target/service.ts';
import { jsonOf } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';
import { tokensFile } from '../support/tokens.ts';

function envFile(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ratecache-check-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'ratecache.env');
  return { path, write: (text: string) => writeFileSync(path, text) };
}

const check = (env: Record<string, string>, ...args: string[]) => runMain(['serve', '--check', ...args], env);

test('serve --check shows what SIGHUP would apply and what needs a restart, and after SIGHUP only the rest', async (t) => {
  const file = envFile(t);
  file.write('LOG_LEVEL=info\nMIN_RATE_TTL=500\n');
  const PORT = String(await freePort());
  const env = { ...PATIENT, STANDALONE: 'true', ENV_FILE: file.path, PORT, ALLOWED_HOSTS: 'x' };
  const service = await startService({ standalone: true, env });
  t.after(() => service.stop());
  const same = await check(env);
  assert.deepEqual([same.code, same.stderr], [0, '']);
  assert.match(
    same.stdout,
    /^The configuration is valid\.\nThe running service at http:\S+ \(version \S+\)$/m,
  );
  assert.match(same.stdout, /^ {2}nothing would change$/m);

  file.write('LOG_LEVEL=warn\nLOCAL_CACHE_MAX_SIZE=77\n');
  const before = await check(env);
  assert.equal(before.code, 0);
  assert.match(
    before.stdout,
    /SIGHUP applies:\n {4}MIN_RATE_TTL: 500 -> 86400\n {4}LOG_LEVEL: info -> warn\n/,
  );
  assert.match(before.stdout, /a restart is needed for:\n {4}LOCAL_CACHE_MAX_SIZE: 1000 -> 77 \(SIGHUP does/);

  service.kill('SIGHUP');
  await service.waitForLog(({ msg }) => msg?.startsWith('SIGHUP: restart') === true);
  const { service: after } = JSON.parse((await check(env, '--json')).stdout);
  assert.deepEqual(after.changes, [
    {
      variable: 'LOCAL_CACHE_MAX_SIZE',
      present: 1000,
      next: 77,
      applied_by: 'restart',
      reason: 'SIGHUP does not apply this variable',
    },
  ]);
});

test('serve --check says that no service runs, and fails only for --url', async () => {
  const PORT = String(await freePort());
  const env = { STANDALONE: 'true', PORT };
  const none = await check(env);
  assert.deepEqual([none.code, none.stderr], [0, '']);
  assert.match(none.stdout, /^It was not compared with a running service: .*connection refused$/m);
  const named = await check(env, '--url', `http://127.0.0.1:${PORT}`);
  assert.equal(named.code, 2);
  assert.match(named.stdout, /^The configuration is valid\.$/m);
  const free = JSON.parse((await check({ ...env, PORT: '0' }, '--json')).stdout);
  assert.equal(free.valid, true);
  assert.match(free.service.error, /PORT is 0/);
  const useless = await runMain(['serve', '--json', '--standalone']);
  assert.equal(useless.code, 64);
  assert.match(useless.stderr, /--json has no effect without --check/);
});

test('the configuration needs the scope admin and no prefix, writes an audit line, and has no secret', async (t) => {
  const tokens = tokensFile({
    admin: { scopes: ['admin'] },
    reader: { scopes: ['read', 'write'] },
    desk: { scopes: ['admin'], prefixes: ['borrow_rate:'] },
  });
  t.after(() => tokens.remove());
  const redis = await startRedis({ password: 'quite-secret' });
  t.after(() => redis.stop());
  const env = {
    ...redisEnv(redis),
    ...PATIENT,
    REDIS_PASSWORD: 'quite-secret',
    AUTH_TOKENS_FILE: tokens.path,
  };
  const service = await startService({ env });
  t.after(() => service.stop());
  const read = (name: string) => service.fetch('/v1/configuration', { headers: tokens.bearer(name) });
  await assertProblem(await read('reader'), 'forbidden');
  await assertProblem(await read('desk'), 'forbidden');
  const { variables } = await jsonOf(await read('admin'));
  assert.deepEqual(variables.REDIS_PASSWORD, {
    value: '***',
    from: 'environment',
    secret: true,
    sighup: false,
  });
  assert.ok(!JSON.stringify(variables).includes('quite-secret'));
  const line = await service.waitForLog(({ audit }) => audit === 'admin');
  assert.deepEqual([line.who, line.operation, line.outcome], ['admin', 'GET /v1/configuration', '200']);

  const flags = ['--url', service.url];
  const token = { RATECACHE_TOKEN: tokens.tokens.admin! };
  const { code, stdout } = await check({ ...env, ...token, REDIS_PASSWORD: 'another' }, ...flags);
  assert.equal(code, 0);
  assert.match(stdout, /not compared, because they are secret: REDIS_PASSWORD$/m);
  assert.match(stdout, /files that it loads again when they change: AUTH_TOKENS_FILE$/m);
  const refused = await check({ ...env, RATECACHE_TOKEN: tokens.tokens.reader! }, ...flags);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /answered 403 forbidden: the token lacks the scope admin$/m);
});

test('with PROCESSES, the answer is that of the supervisor, and SIGHUP applies almost every variable', async (t) => {
  const file = envFile(t);
  file.write('MIN_RATE_TTL=500\n');
  const redis = await startRedis();
  t.after(() => redis.stop());
  const env = { ...redisEnv(redis), ...PATIENT, PROCESSES: '2', ENV_FILE: file.path };
  const service = await startService({ env });
  t.after(() => service.stop());
  const own = { ...env, PORT: '0', ALLOWED_HOSTS: 'x' };
  const compare = async () => JSON.parse((await check(own, '--json', '--url', service.url)).stdout).service;
  const same = await compare();
  assert.deepEqual(same.changes, []);
  assert.deepEqual(same.processes, { count: 2, behind: 0 });

  file.write('LOCAL_CACHE_MAX_SIZE=77\n');
  const { changes } = await compare();
  assert.deepEqual(
    changes.map(({ variable, applied_by }: Record<string, string>) => [variable, applied_by]),
    [
      ['MIN_RATE_TTL', 'SIGHUP'],
      ['LOCAL_CACHE_MAX_SIZE', 'SIGHUP'],
    ],
  );
  service.kill('SIGHUP');
  await service.waitForLog(({ msg }) => msg === 'SIGHUP: all processes have the new configuration');
  await until(async () => (await compare()).changes.length === 0);

  file.write('LOCAL_CACHE_MAX_SIZE=78\nHOST=127.0.0.2\n');
  const refused = await compare();
  assert.deepEqual(
    refused.changes.map(({ variable, applied_by }: Record<string, string>) => [variable, applied_by]),
    [
      ['HOST', 'restart'],
      ['LOCAL_CACHE_MAX_SIZE', 'restart'],
    ],
  );
});
