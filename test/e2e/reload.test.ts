/** SIGHUP in a service of one process, and `serve --check`. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { type LogLine, type Service, startService } from '../../loadtest/target/service.ts';
import { VARIABLE_NAMES, VARIABLES } from '../../src/config/config.ts';
import { RELOADED } from '../../src/service/reload.ts';
import { sectionOf } from '../docs/markdown.ts';
import { get, jsonOf, post, put, readIntoL1 } from '../support/client.ts';
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

test('SIGHUP applies the limits of connections and of addresses, also where none was set before', async (t) => {
  const file = envFile(t);
  file.write({ PORT: '0' });
  const service = await serviceWith(t, file.path);
  assert.equal((await put(service, 'a', '1')).status, 201);
  const ask = async () => {
    const connection = await connect(service.port);
    t.after(() => connection.destroy());
    await connection.send('GET /v1/cache/a HTTP/1.1\r\nHost: x\r\n\r\n');
    return connection;
  };
  const kept = await ask();
  assert.equal((await kept.readResponses(1))[0]!.status, 200);

  file.write({ MAX_CONNECTIONS: '1' });
  assert.deepEqual((await reloaded(service)).changed, ['MAX_CONNECTIONS']);
  const [first, second] = [await ask(), await ask()];
  await Promise.all([first.closed, second.closed]);
  await kept.send('GET /v1/cache/a HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal((await kept.readResponses(1))[0]!.status, 200, 'a connection that exists stays');

  file.write({ MAX_ADDRESS_REQUESTS_PER_SECOND: '1000', MAX_ADDRESS_BYTES_PER_SECOND: '1' });
  await reloaded(service);
  const ws = await connectWs(service);
  t.after(() => ws.close());
  assert.equal((await put(service, 'a', `"${'x'.repeat(5000)}"`)).status, 204);
  const response = await get(service, 'a');
  assert.match(response.headers.get('ratelimit-policy')!, /^"address-bytes";q=1;w=1$/);
  await assertProblem(response, 'rate_limited');
  assert.equal((await ws.request('get', { key: 'a' })).code, 'rate_limited');

  file.write({ MAX_ADDRESS_BYTES_PER_SECOND: '1000000' });
  await reloaded(service);
  assert.equal((await get(service, 'a')).status, 200, 'a new limit applies at once');
  file.write({ PORT: '0' });
  await reloaded(service);
  assert.equal((await ws.request('get', { key: 'a' })).status, 'hit');
});

test('SIGHUP applies LOCAL_CACHE_TTL to what L1 stores from then on', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const file = envFile(t);
  file.write({ LOCAL_CACHE_TTL: '60' });
  const service = await startReplica(redis, { ENV_FILE: file.path });
  t.after(() => service.stop());
  const freshSeconds = async (key: string) => {
    assert.equal((await put(service, key, '1')).status, 201);
    await readIntoL1(service, key);
    const { replicas } = await jsonOf(await service.fetch(`/v1/explain/${key}`));
    return (Date.parse(replicas[0].l1.fresh_until) - Date.now()) / 1000;
  };
  const before = await freshSeconds('borrow_rate:A');
  assert.ok(before > 30 && before <= 60, `${before}`);
  file.write({ LOCAL_CACHE_TTL: '200' });
  assert.deepEqual((await reloaded(service)).changed, ['LOCAL_CACHE_TTL']);
  const after = await freshSeconds('borrow_rate:B');
  assert.ok(after > 150 && after <= 200, `${after}`);
});

test('SIGHUP turns the lines of slow requests and the access log on and off', async (t) => {
  const file = envFile(t);
  file.write({ PORT: '0' });
  const service = await serviceWith(t, file.path);
  const [first, second] = [`${file.path}.first`, `${file.path}.second`];
  const reads = async (key: string) => {
    assert.equal((await put(service, key, '1')).status, 201);
    for (let i = 0; i < 200; i++) await (await get(service, key)).arrayBuffer();
  };
  const slow = () => service.logs.filter(({ msg }) => msg === 'slow request');
  // The body arrives late, so the request takes longer than a millisecond.
  const slowPut = async () => {
    const connection = await connect(service.port);
    t.after(() => connection.destroy());
    const head =
      'PUT /v1/cache/x:slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n';
    await connection.send(head);
    await delay(20);
    await connection.send('1');
    await connection.readResponses(1);
  };
  await slowPut();
  assert.equal(slow().length, 0);

  file.write({ SLOW_REQUEST_MS: '1', ACCESS_LOG: first });
  assert.deepEqual((await reloaded(service)).changed, ['SLOW_REQUEST_MS', 'ACCESS_LOG']);
  // On a busy machine the service may read the head and the body at once.
  await until(async () => {
    await slowPut();
    return slow().some(({ key }) => key === 'x:slow');
  });
  await reads('x:first');

  file.write({ ACCESS_LOG: second });
  assert.deepEqual((await reloaded(service)).changed, ['SLOW_REQUEST_MS', 'ACCESS_LOG']);
  const before = slow().length;
  await slowPut();
  await reads('x:second');

  file.write({ PORT: '0' });
  await reloaded(service);
  await reads('x:third');
  await service.stop();
  assert.equal(slow().length, before);
  const keysIn = (path: string) =>
    new Set(
      readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).key)
        .filter((key) => key !== 'x:slow'),
    );
  assert.deepEqual(keysIn(first), new Set(['x:first']));
  assert.deepEqual(keysIn(second), new Set(['x:second']));
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

for (const processes of [1, 2])
  test(`SIGHUP reports a misspelt variable of ENV_FILE with PROCESSES=${processes}`, async (t) => {
    const file = envFile(t);
    file.write({ PORT: '0' });
    const redis = processes === 1 ? undefined : await startRedis();
    t.after(() => redis?.stop());
    const env = {
      ...PATIENT,
      ENV_FILE: file.path,
      PROCESSES: String(processes),
      ...(redis && redisEnv(redis)),
    };
    const service = await startService({ standalone: redis === undefined, env });
    t.after(() => service.stop());
    const isWarning = ({ msg }: LogLine) => msg === 'LOG_LEVL: unknown variable, did you mean LOG_LEVEL?';
    assert.ok(!service.logs.some(isWarning));
    file.write({ PORT: '0', LOG_LEVL: 'debug' });
    service.kill('SIGHUP');
    assert.equal((await service.waitForLog(isWarning)).level, 'warn');
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

test('serve --check shows the warnings', async () => {
  const { code, stdout } = await check('--otel-traces-exporter', 'otlp', '--otel-traces-sampler-arg', '0.01');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^Warning: OTEL_TRACES_SAMPLER_ARG: has no effect with OTEL_TRACES_SAMPLER=parentbased_alw/m,
  );
});

test('serve --check says whether the access log can be written', async (t) => {
  const { path } = envFile(t);
  const good = await check('--access-log', path);
  assert.equal(good.code, 0);
  assert.match(good.stdout, /^Access log: the file can be written$/m);
  for (const bad of ['/nope/x.ndjson', dirname(path)]) {
    const { code, stdout } = await check('--access-log', bad);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^Warning: ACCESS_LOG: the file cannot be written, so the service would drop its lines: /m,
    );
  }
});
