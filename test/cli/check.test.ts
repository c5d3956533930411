import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { startService } from '../../loadtest/target/service.ts';
import { JSON_TYPE } from '../support/client.ts';
import { healthOf } from './health.ts';

/** So that a busy machine is not taken for a service that hangs. */
const PATIENTLY = ['--timeout', '60000'];

/** Exit code and the one line. */
async function check(...args: string[]): Promise<readonly [code: number | null, line: string]> {
  const { code, stdout, stderr } = await runMain(['check', ...PATIENTLY, ...args]);
  assert.equal(stderr, '');
  assert.match(stdout, /^[^\n]+\n$/, 'one line');
  return [code, stdout.trimEnd()];
}

test('check reports healthy with Redis and degraded without, and fails for degraded only with --fail-degraded', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis, { READY_REQUIRES_REDIS: 'true' });
  t.after(() => service.stop());
  const url = ['--url', service.url];

  await until(async () => (await healthOf(service)).status === 'healthy');
  // On a busy machine, Redis may answer one of the checks too late.
  const healthy = await until(async () => {
    const [, line] = await check(...url);
    return line.startsWith('healthy') ? line : undefined;
  });
  assert.match(healthy, /^healthy: Redis answers in [\d.]+ ms, coherence coherent, 0 items in L1$/);
  await until(async () => (await check(...url, '--fail-degraded'))[0] === 0);
  assert.deepEqual(await check(...url, '--ready'), [0, 'ready']);
  assert.deepEqual(await check(...url, '--live'), [0, 'alive']);

  await redis.signal('SIGKILL');
  await until(async () => !(await healthOf(service)).redis.connected);
  const [code, line] = await check(...url);
  assert.equal(code, 0);
  assert.match(
    line,
    /^degraded: Redis is unreachable: .+\. L1 is not coherent with Redis: .+\. coherence blind/,
  );
  assert.equal((await check(...url, '--fail-degraded'))[0], 1);
  assert.deepEqual(await check(...url, '--ready'), [2, 'down: not ready: Redis is not connected']);
  assert.deepEqual(await check(...url, '--live'), [0, 'alive']);
});

test('check names dead sources of a healthy service', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const beat = await service.fetch('/v1/sources/feed', {
    method: 'PUT',
    headers: { 'content-type': JSON_TYPE },
    body: '{"types":["borrow_rate"],"ttl":0.05}',
  });
  assert.equal(beat.status, 200);
  await until(async () => (await healthOf(service)).warnings.length === 1);
  const [code, line] = await check('--url', service.url, '--fail-degraded');
  assert.equal(code, 0);
  assert.match(
    line,
    /^healthy: standalone, .* L1\. 1 source is dead: .* suspect\. "ratecache sources" lists them$/,
  );
});

test('check names a late event loop, and what to do', async (t) => {
  const service = await startService({
    standalone: true,
    env: { ...PATIENT, OVERLOAD_LOOP_DELAY_MS: '200' },
  });
  t.after(() => service.stop());
  await until(async () => (await healthOf(service)).warnings.length === 0);
  const checkAfterPause = async () => {
    service.kill('SIGSTOP');
    const [answer] = await Promise.all([
      check('--url', service.url, '--fail-degraded'),
      // The request waits in the socket, and is answered in the first turn of the event loop.
      sleep(2000).then(() => service.kill('SIGCONT')),
    ]);
    return answer;
  };
  // On a busy machine the command may start too late for its request to wait.
  const [code, line] = await until(
    async () => {
      const answer = await checkAfterPause();
      return answer[1].includes(' ms late') ? answer : undefined;
    },
    { timeoutMs: 120_000 },
  );
  assert.equal(code, 0);
  assert.match(
    line,
    /^healthy: standalone, 0 items in L1\. The event loop is \d+ ms late: only L1 hits are answered\. If "ratecache top" shows/,
  );
});

test('check reports down for a service that cannot serve', async (t) => {
  const REDIS_PORT = String(await freePort());
  const env = {
    ...PATIENT,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT,
    REDIS_PASSWORD: '',
    ENABLE_LOCAL_CACHE: 'false',
  };
  const service = await startService({ env });
  t.after(() => service.stop());
  const [code, line] = await check('--url', service.url);
  assert.equal(code, 2);
  assert.match(line, /^down: unhealthy: Redis is unreachable: /);
});

test('check --json prints the answer of the service, or its own body without an answer', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const [code, line] = await check('--url', service.url, '--json');
  assert.deepEqual([code, JSON.parse(line)], [0, await healthOf(service)]);

  const nobody = `http://127.0.0.1:${await freePort()}`;
  const [refused, said] = await check('--url', nobody, '--json');
  const reason = `down: cannot reach ${nobody}: connection refused`;
  assert.deepEqual([refused, JSON.parse(said)], [2, { status: 'down', reason }]);
});

test('check connects to the service that the same environment would start', async (t) => {
  const service = await startService({ standalone: true, env: { ...PATIENT, HOST: '127.0.0.2' } });
  t.after(() => service.stop());
  const PORT = String(service.port);
  assert.equal((await runMain(['check', ...PATIENTLY], { HOST: '127.0.0.2', PORT })).code, 0);
  const { code, stdout } = await runMain(['check'], { HOST: '0.0.0.0', PORT });
  assert.deepEqual([code, stdout], [2, `down: cannot reach http://127.0.0.1:${PORT}: connection refused\n`]);
});

test('check reports down when HOST in the environment is not a valid host', async () => {
  const { code, stdout } = await runMain(['check'], { HOST: 'a b' });
  assert.deepEqual([code, stdout], [2, 'down: cannot reach http://a b:8000: the URL is invalid\n']);
});

test('check reports down for a service that hangs, after --timeout', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop('SIGKILL'));
  service.kill('SIGSTOP');
  const [code, line] = await check('--url', service.url, '--timeout', '200');
  assert.deepEqual([code, line], [2, `down: ${service.url} did not answer within 200 ms`]);
});

test('check reports down when another program answers', async (t) => {
  const others: [status: number, body: string][] = [
    [200, '<html>welcome</html>'],
    [200, '{"status":"healthy"}'],
    [500, '{"status":"healthy","redis":{},"local_cache":{}}'],
    [404, 'no'],
  ];
  await Promise.all(
    others.map(async ([status, body]) => {
      const [code, line] = await check('--url', await answering(t, status, body));
      assert.deepEqual(
        [code, line],
        [2, `down: answered ${status}, but not as ratecache does: check the URL`],
      );
    }),
  );
});

test('a command line error of check has its own exit code', async () => {
  const runs = await Promise.all(
    [
      ['--live', '--ready'],
      ['--timeout', '0'],
      ['--timeout', 'soon'],
      ['--url', 'redis://x'],
      ['--raedy'],
    ].map((args) => runMain(['check', ...args])),
  );
  assert.deepEqual(
    runs.map(({ code }) => code),
    [64, 64, 64, 64, 64],
  );
  assert.match(runs[3]!.stderr, /Expected an http or https URL/);
  assert.match(runs[4]!.stderr, /Did you mean --ready/);
});

test('check reaches a service behind a path', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const proxy = createServer(async (request, response) => {
    const answer = await service.fetch(request.url!.replace('/behind', ''));
    response.writeHead(answer.status).end(await answer.text());
  });
  const url = await listening(t, proxy);
  assert.equal((await check('--url', `${url}/behind/`))[0], 0);
});

function answering(t: TestContext, status: number, body: string): Promise<string> {
  return listening(
    t,
    createServer((_, response) => void response.writeHead(status).end(body)),
  );
}

async function listening(t: TestContext, server: ReturnType<typeof createServer>): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
