/** What SIGHUP keeps and loses in a service of two processes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { PROCESS_ANSWER_MS } from '../../src/service/supervisor/questions.ts';
import { pathOf, put } from '../support/client.ts';
import { answerOnNew } from '../support/new-connection.ts';
import { allHealthy, counterOf, startTwo } from '../support/processes.ts';
import { redisFor } from '../support/services.ts';
import { whileFrozen } from '../support/while-frozen.ts';

const REPLACED = 'SIGHUP: all processes have the new configuration';
const NOT_REPLACED = 'not replaced: writes are pending; send SIGHUP again when Redis answers';

function envFile(t: TestContext, text: string) {
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-env-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'ratecache.env');
  const write = (next: string) => writeFileSync(path, next);
  write(text);
  return { path, write };
}

test('SIGHUP while Redis is frozen replaces no process with pending writes, and loses none of them', async (t) => {
  const redis = await redisFor(t);
  const file = envFile(t, 'LOG_LEVEL=info\n');
  const service = await startTwo(t, redis, { ENV_FILE: file.path, REDIS_COMMAND_TIMEOUT_MS: '200' });
  const before = await allHealthy(service);
  await reachesRedis(service);
  const keys = Array.from({ length: 20 }, (_, i) => `pending:${i}`);
  await whileFrozen(redis, async () => {
    for (const key of keys) assert.equal((await put(service, key, '1')).status, 202);
    file.write('LOG_LEVEL=warn\n');
    service.kill('SIGHUP');
    const line = await service.waitForLog(({ msg }) => msg === NOT_REPLACED);
    assert.ok(Number(line.pending_writes) > 0);
  });
  assert.deepEqual(await allHealthy(service), before, 'the same processes');
  await until(async () => (await counterOf(service, 'cache_pending_writes')) === 0);

  service.kill('SIGHUP');
  await service.waitForLog(({ msg }) => msg === REPLACED);
  const after = await allHealthy(service);
  for (const [i, { pid }] of after.entries()) assert.notEqual(pid, before[i]!.pid);
  // A read may take longer than REDIS_COMMAND_TIMEOUT_MS.
  for (const key of keys) await until(async () => (await service.fetch(pathOf(key))).status === 200);
  assert.ok(!service.logs.some(({ msg }) => msg?.startsWith('pending writes are lost')));
  // The supervisor has the new level too, so it does not log its own end.
  await service.stop();
  assert.ok(!service.logs.some(({ msg, process }) => msg === 'shutting down' && process === undefined));
});

test('SIGHUP that shortens the shutdown leaves a process that it replaces the time before', async (t) => {
  const file = envFile(t, 'SHUTDOWN_GRACE_MS=7000\n');
  const env = {
    ...redisEnv(await redisFor(t)),
    PROCESSES: '2',
    ENV_FILE: file.path,
    SHUTDOWN_TIMEOUT_MS: '1',
  };
  const service = await startService({ env });
  t.after(() => service.stop('SIGKILL'));
  // The supervisor kills a process with these settings after five seconds.
  file.write('SHUTDOWN_GRACE_MS=0\n');
  service.kill('SIGHUP');
  await service.waitForLog(({ msg }) => msg === 'stopped');
  assert.ok(!service.logs.some(({ msg }) => msg?.startsWith('the process did not stop in time')));
});

test('without OPS_PORT, /readyz of every process stays 200 while processes are replaced, until the service stops', async (t) => {
  const file = envFile(t, 'SHUTDOWN_GRACE_MS=1500\nLOG_LEVEL=info\n');
  // The environment would win over the file.
  const { SHUTDOWN_GRACE_MS: _, ...patient } = PATIENT;
  const env = { ...redisEnv(await redisFor(t)), ...patient, PROCESSES: '2', ENV_FILE: file.path };
  const service = await startService({ env });
  t.after(() => service.stop('SIGKILL'));
  // A new connection each time, so that the kernel chooses a process.
  const readyz = async () => {
    const from = performance.now();
    const request = 'GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const answer = await answerOnNew(service.port, request);
    const late = performance.now() - from >= PROCESS_ANSWER_MS;
    return { status: answer.status, body: answer.body.toString(), late };
  };
  await until(async () => (await readyz()).status === 200);
  let replaced = false;
  let answers = 0;
  file.write('SHUTDOWN_GRACE_MS=1500\nLOG_LEVEL=debug\n');
  service.kill('SIGHUP');
  const done = service
    .waitForLog(({ msg }) => msg === REPLACED)
    .then(() => {
      replaced = true;
    });
  while (!replaced) {
    const { status, body, late } = await readyz();
    // A late answer only shows that a process did not answer the supervisor in time.
    if (!late) {
      assert.equal(status, 200, body);
      answers++;
    }
    await pause(10);
  }
  await done;
  // Two processes that stop were asked for 1.5 s each.
  assert.ok(answers > 50, `${answers}`);

  service.kill('SIGTERM');
  const reason = await until(async () => {
    const { status, body } = await readyz();
    return status === 503 ? JSON.parse(body).reason : undefined;
  });
  assert.equal(reason, 'shutting down');
});
