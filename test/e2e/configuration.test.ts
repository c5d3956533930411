import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { del, get, pathOf, post, put } from '../support/client.ts';

test('all configuration errors are reported together, with exit code 78, and the service does not listen', async () => {
  const port = await freePort();
  const { code, stdout, stderr } = await runMain(['serve', '--max-key-bytes', '0'], {
    PORT: String(port),
    REDIS_PORT: 'tcp://10.0.0.1:6379',
    REDIS_HOTS: 'redis.example.com',
    LOCAL_CACHE_TTL: '-1',
    ENABLE_PUBSUB: 'maybe',
    LOG_LEVEL: 'loud',
    HEARTBEAT_TIMEOUT_MS: '100',
  });
  assert.equal(code, 78);
  assert.equal(stdout, '', 'the service must not start, so nothing is logged');
  for (const fault of [
    'REDIS_HOST: (not set), expected a host name',
    'REDIS_PORT: "tcp://10.0.0.1:6379", expected a whole number from 1 to 65535',
    'REDIS_PASSWORD: (not set), expected',
    'LOCAL_CACHE_TTL: "-1", expected a whole number from 1',
    'ENABLE_PUBSUB: "maybe", expected true or false',
    'LOG_LEVEL: "loud", expected one of fatal,',
    'MAX_KEY_BYTES: "0", expected a whole number from 1',
    'HEARTBEAT_TIMEOUT_MS: "100", expected more than HEARTBEAT_INTERVAL_MS',
    'REDIS_HOTS: unknown variable, did you mean REDIS_HOST?',
  ])
    assert.ok(stderr.includes(`\n  ${fault}`), `${fault} is missing in\n${stderr}`);
  assert.doesNotMatch(stderr, /\n {4}at /, 'no stack trace');
  await assert.rejects(reach(port), /ECONNREFUSED/);
});

test('the service does not start on another address than loopback without tokens', async () => {
  const { code, stdout, stderr } = await runMain(['serve', '--standalone', '--port', '0'], {
    HOST: '0.0.0.0',
  });
  assert.equal(code, 78);
  assert.equal(stdout, '', 'the service must not start, so nothing is logged');
  assert.ok(stderr.includes('\n  HOST: "0.0.0.0", expected a loopback address'), stderr);
  assert.match(stderr, /INSECURE_OPEN=true lets everyone who can connect read, write and delete/);
});

test('INSECURE_OPEN=true opens the service, and one warning says so', async (t) => {
  const service = await startService({
    standalone: true,
    env: { ...PATIENT, HOST: '0.0.0.0', INSECURE_OPEN: 'true' },
  });
  t.after(() => service.stop());
  const { level } = await service.waitForLog(
    ({ msg }) => msg?.startsWith('INSECURE_OPEN: everyone') ?? false,
  );
  assert.equal(level, 'warn');
});

test('a service on loopback without tokens says who can use it', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const { level } = await service.waitForLog(
    ({ msg }) => msg?.startsWith('no tokens are configured') ?? false,
  );
  assert.equal(level, 'info');
});

test('the service does not start with an invalid tokens file, and the message shows no hash', async () => {
  const { code, stderr } = await runMain(['serve', '--standalone', '--port', '0'], {
    AUTH_TOKENS_FILE: '/dev/null',
  });
  assert.equal(code, 78);
  assert.match(stderr, /^ratecache: AUTH_TOKENS_FILE or AUTH_JWKS_FILE cannot be used: The tokens file/);
});

test('an invalid password is not shown', async () => {
  const env = { REDIS_HOST: 'user:hunter2@redis', REDIS_PORT: '1', REDIS_PASSWORD: 'hunter2\n' };
  const { code, stdout, stderr } = await runMain(['serve'], env);
  assert.equal(code, 78);
  assert.match(stderr, /REDIS_PASSWORD: \(hidden\)/);
  assert.doesNotMatch(stdout + stderr, /hunter2/);
});

test('an unknown flag and an unknown command are rejected', async () => {
  for (const args of [['serve', '--redis-hots', 'x'], ['sreve']]) {
    const { code, stderr } = await runMain(args);
    assert.notEqual(code, 0);
    assert.match(stderr, /unknown/);
  }
});

test('logs, answers and metrics never contain the password, right or wrong', async (t) => {
  const password = 'correct-horse-battery';
  const redis = await startRedis({ password });
  t.after(() => redis.stop());
  for (const secret of [password, 'wrong-horse-battery']) {
    const env = { ...redisEnv(redis), ...PATIENT, REDIS_PASSWORD: secret, LOG_LEVEL: 'trace' };
    const service = await startService({ env });
    t.after(() => service.stop());
    if (secret === password) await reachesRedis(service);
    else await service.waitForLog(({ msg }) => /Redis/.test(msg ?? ''));

    const answers = [
      await put(service, 'secret:A', '1'),
      await get(service, 'secret:A'),
      await del(service, 'secret:A'),
      await post(service, '/v1/flush'),
      ...(await Promise.all(['/health', '/stats', '/metrics', '/readyz'].map((path) => service.fetch(path)))),
    ];
    const texts = await Promise.all(answers.map((response) => response.text()));
    await service.stop();
    const seen = [...texts, ...service.logs.map((line) => JSON.stringify(line))].join('\n');
    assert.match(seen, /"starting"/);
    assert.ok(!seen.includes(secret), 'the password shows');
    assert.ok(!seen.includes('horse-battery'), 'a part of the password shows');
  }
});

test('flags override the environment', async (t) => {
  const env = {
    ...PATIENT,
    LOCAL_CACHE_MAX_SIZE: '1',
    KEY_PREFIX: 'env:',
    BORROW_RATE_TTL: '100',
    HTTP_MAX_AGE: 'ttl',
  };
  const args = ['--local-cache-max-size', '77', '--borrow-rate-ttl=200', '--standalone'];
  const service = await startService({ env, args });
  t.after(() => service.stop());
  const { config } = await service.waitForLog(({ msg }) => msg === 'starting');
  const { local, store, ttl } = config as Record<string, Record<string, unknown>>;
  assert.equal(local!.maxEntries, 77);
  assert.equal(store!.keyPrefix, 'env:');
  assert.equal(ttl!.borrowRateMs, 200_000);
  await put(service, 'borrow_rate:A', '1');
  assert.equal((await get(service, 'borrow_rate:A')).headers.get('cache-control'), 'max-age=200');
});

test('an unknown variable similar to a known variable is logged as a warning, and the service starts', async (t) => {
  const service = await startService({ standalone: true, env: { ...PATIENT, LOCAL_CACHE_TTTL: 'hush' } });
  t.after(() => service.stop());
  const line = await service.waitForLog(({ msg }) => /LOCAL_CACHE_TTTL/.test(msg ?? ''));
  assert.equal(line.msg, 'LOCAL_CACHE_TTTL: unknown variable, did you mean LOCAL_CACHE_TTL?');
  assert.ok(!service.logs.some((line) => JSON.stringify(line).includes('hush')));
});

test('a port in use is reported, with exit code 1', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const holder = await startService({ standalone: true, env: PATIENT });
  t.after(() => holder.stop());
  const PORT = String(holder.port);
  for (const env of [{ STANDALONE: 'true' }, redisEnv(redis)]) {
    const { code, stderr } = await runMain(['serve'], { ...env, PORT });
    assert.equal(code, 1);
    assert.equal(stderr, `ratecache: cannot listen on 127.0.0.1:${PORT}; is the port taken?\n`);
  }
  assert.equal((await holder.fetch('/livez')).status, 200);
});

test('with REUSE_PORT two processes share a port, and one serves it after the other stops', async (t) => {
  const env = { ...PATIENT, REUSE_PORT: 'true', PORT: String(await freePort()) };
  const one = await startService({ standalone: true, env });
  t.after(() => one.stop());
  const two = await startService({ standalone: true, env });
  t.after(() => two.stop());
  assert.equal(two.port, one.port);

  const writers = new Set<string>();
  await until(async () => {
    writers.add(await writerOnNewConnection(one));
    return writers.size === 2;
  });
  await one.stop();
  // The kernel refuses connections that it had assigned to the stopped process, and accepts new connections.
  const left = await until(() => writerOnNewConnection(two));
  assert.ok(writers.has(left));
});

test('HOST sets the address on which the service listens', async (t) => {
  const service = await startService({ standalone: true, env: { ...PATIENT, HOST: '127.0.0.2' } });
  t.after(() => service.stop());
  await assert.rejects(reach(service.port), /ECONNREFUSED/);
  assert.equal((await fetch(`http://127.0.0.2:${service.port}/livez`)).status, 200);
});

/** The last eight digits of a version identify the process that wrote it. */
async function writerOnNewConnection(service: Service): Promise<string> {
  const response = await service.fetch(pathOf('who'), {
    method: 'PUT',
    body: '1',
    headers: { 'content-type': 'application/json', connection: 'close' },
  });
  return /"[0-9a-f]{16}([0-9a-f]{8})"/.exec(response.headers.get('etag') ?? '')![1]!;
}

function reach(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
