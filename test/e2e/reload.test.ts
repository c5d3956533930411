/** SIGHUP in a service of one process, and `serve --check`. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { VARIABLE_NAMES, VARIABLES } from '../../src/config/config.ts';
import { RELOADED } from '../../src/service/reload.ts';
import { sectionOf } from '../docs/markdown.ts';
import { get, jsonOf, post, put } from '../support/client.ts';
import { assertProblem } from '../support/problem.ts';
import { connectWs, Refused } from '../support/ws-client.ts';

test('docs/configuration.md names the variables that SIGHUP applies', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const named = [
    ...sectionOf(page, 'Reload')
      .split('instead.')[1]!
      .matchAll(/`([A-Z_]+)`/g),
  ].map(([, name]) => name);
  const excepted = ['WS_MAX_FRAME_BYTES', 'WS_IDLE_TIMEOUT_SECONDS'];
  const byGroup = VARIABLE_NAMES.filter(
    (name) => VARIABLES[name].group === 'ttl' || (name.startsWith('WS_') && !excepted.includes(name)),
  );
  const documented = [...named.filter((name) => !excepted.includes(name!)), ...byGroup];
  assert.deepEqual(documented.sort(), [...RELOADED].sort());
});

function envFile(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'ratecache-env-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'ratecache.env');
  const write = (variables: Record<string, string>) =>
    writeFileSync(
      path,
      Object.entries(variables)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
  return { path, write };
}

async function serviceWith(t: TestContext, ENV_FILE: string): Promise<Service> {
  const service = await startService({ standalone: true, env: { ...PATIENT, ENV_FILE } });
  t.after(() => service.stop());
  return service;
}

/** Sends SIGHUP and waits for the line about the configuration. */
async function reloaded(service: Service) {
  const before = service.logs.length;
  service.kill('SIGHUP');
  return service.waitForLog(
    (line) => service.logs.indexOf(line) >= before && /^SIGHUP: (the conf|restart)/.test(line.msg ?? ''),
  );
}

async function ttlOf(service: Service, key: string): Promise<number> {
  assert.equal((await put(service, key, '1')).status, 201);
  const status = (await get(service, key)).headers.get('cache-status')!;
  return Number(/ttl=(\d+)/.exec(status)![1]);
}

test('SIGHUP applies TTLs, limits and the log level of ENV_FILE, and reports what needs a restart', async (t) => {
  const file = envFile(t);
  file.write({ VOLATILITY_TTL: '1000', MAX_BATCH_KEYS: '3', LOG_LEVEL: 'info' });
  const service = await serviceWith(t, file.path);
  assert.ok((await ttlOf(service, 'volatility:A')) > 900);
  assert.equal((await post(service, '/v1/mget', { keys: ['a', 'b', 'c'] })).status, 200);

  file.write({
    VOLATILITY_TTL: '500',
    MAX_BATCH_KEYS: '2',
    WS_MAX_CONNECTIONS: '1',
    LOCAL_CACHE_MAX_SIZE: '77',
  });
  const { level, changed, restart } = await reloaded(service);
  assert.equal(level, 'warn');
  assert.deepEqual([...(changed as string[])].sort(), [
    'MAX_BATCH_KEYS',
    'VOLATILITY_TTL',
    'WS_MAX_CONNECTIONS',
  ]);
  assert.deepEqual(restart, ['LOCAL_CACHE_MAX_SIZE']);
  const ttl = await ttlOf(service, 'volatility:B');
  assert.ok(ttl > 400 && ttl <= 500, `${ttl}`);
  await assertProblem(await post(service, '/v1/mget', { keys: ['a', 'b', 'c'] }), 'body_invalid', 'keys');
  const ws = await connectWs(service);
  t.after(() => ws.close());
  await assert.rejects(connectWs(service), Refused);

  file.write({ LOG_LEVEL: 'error' });
  service.kill('SIGHUP');
  await until(async () => (await post(service, '/v1/mget', { keys: ['a', 'b', 'c'] })).status === 200);
  file.write({ LOG_LEVEL: 'info' });
  assert.deepEqual((await reloaded(service)).changed, ['LOG_LEVEL']);
  const lines = service.logs.filter(({ msg }) => msg?.startsWith('SIGHUP'));
  assert.equal(lines.length, 2, 'the line in between is below the level of that time');
});

test('SIGHUP with an invalid configuration changes nothing', async (t) => {
  const file = envFile(t);
  file.write({ VOLATILITY_TTL: '1000' });
  const service = await serviceWith(t, file.path);
  file.write({ VOLATILITY_TTL: 'soon', MAX_BATCH_KEYS: '1' });
  const { level, msg, reason } = await reloaded(service);
  assert.equal(level, 'error');
  assert.match(msg!, /the configuration is invalid; the one before stays in use$/);
  assert.match(String(reason), /VOLATILITY_TTL: "soon"/);
  assert.ok((await ttlOf(service, 'volatility:A')) > 900);
  assert.equal((await post(service, '/v1/mget', { keys: ['a', 'b'] })).status, 200);
});

test('a variable that needs a restart is reported until the service restarts or the change is undone', async (t) => {
  const file = envFile(t);
  file.write({ PORT: '0' });
  const service = await serviceWith(t, file.path);
  file.write({ LOCAL_CACHE_MAX_SIZE: '77' });
  for (let i = 0; i < 2; i++) assert.deepEqual((await reloaded(service)).restart, ['LOCAL_CACHE_MAX_SIZE']);
  file.write({ PORT: '0' });
  assert.equal((await reloaded(service)).level, 'info');
  assert.equal((await jsonOf(await service.fetch('/health'))).status, 'healthy');
});

const check = (...args: string[]) => runMain(['serve', '--check', '--standalone', ...args]);

test('serve --check accepts a valid configuration without listening', async () => {
  const { code, stdout } = await check('--port', '0');
  assert.equal(code, 0);
  assert.match(stdout, /^Access: no tokens are configured\nThe configuration is valid\.\n/);
});

test('serve --check reports faults of variables and of files with exit code 78', async (t) => {
  const variables = await check('--port', 'x', '--max-batch-keys', '0');
  assert.equal(variables.code, 78);
  assert.match(variables.stderr, /PORT: "x"[\s\S]*MAX_BATCH_KEYS: "0"/);
  const { path, write } = envFile(t);
  write({ NO: 'json' });
  const files = await check('--auth-tokens-file', path);
  assert.equal(files.code, 78);
  assert.match(files.stderr, /AUTH_TOKENS_FILE or AUTH_JWKS_FILE cannot be used/);
});
