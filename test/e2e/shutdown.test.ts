import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connect, type RawConnection, type RawResponse } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Logger } from '../../src/log.ts';
import { composeCore } from '../../src/service/compose.ts';
import { put } from '../support/client.ts';

const stopping = (service: Service) => service.waitForLog(({ msg }) => msg === 'shutting down');

test('after SIGTERM or SIGINT the service is not ready at once, and serves during the grace period', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const service = await alone(t, { SHUTDOWN_GRACE_MS: '600000' });
    assert.equal((await service.fetch('/readyz')).status, 200);
    await put(service, 'grace:A', '1');
    service.kill(signal);
    await stopping(service);

    const ready = await service.fetch('/readyz');
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), { status: 'not ready', reason: 'shutting down' });
    const connection = await open(t, service);
    const hit = await ask(connection, 'GET /v1/cache/grace:A');
    assert.equal(hit.status, 200);
    assert.equal(hit.headers.connection, undefined, 'connections stay open during the grace period');
    assert.equal((await service.fetch('/livez')).status, 200);
    await service.stop('SIGKILL');
  }
});

test('a service stops with exit code 0 after the grace period', async (t) => {
  const service = await alone(t, { SHUTDOWN_GRACE_MS: '300' });
  const started = performance.now();
  service.kill('SIGTERM');
  assert.deepEqual(await service.exited, { code: 0, signal: null });
  assert.ok(performance.now() - started >= 300);
  assert.ok(service.logs.some(({ msg }) => msg === 'stopped'));
});

test('after the grace period every answer has Connection: close', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis, { SHUTDOWN_TIMEOUT_MS: '60000' });
  t.after(() => service.stop('SIGKILL'));
  await put(service, 'closing:HIT', '1');
  // A request with an incomplete body keeps the service running while the test reads answers.
  const holder = await open(t, service);
  const requests = [
    'GET /v1/cache/closing:HIT',
    'HEAD /v1/cache/closing:HIT',
    'GET /livez',
    'GET /nowhere',
    'PATCH /livez',
    'GET /v1/cache/%zz',
    'GET /v1/cache/closing:HIT HTTP/1.1\r\nIf-None-Match: *',
  ];
  const clients = await Promise.all(requests.map(() => open(t, service)));
  const held = text('PUT /v1/cache/closing:PUT', '12');
  await holder.send(held.slice(0, -1));
  const probe = await open(t, service);
  service.kill('SIGTERM');
  await until(async () => (await ask(probe, 'GET /livez')).headers.connection === 'close');

  for (const [i, request] of requests.entries()) {
    const response = await ask(clients[i]!, request);
    assert.equal(response.headers.connection, 'close', request);
  }
  await assert.rejects(connect(service.port), /ECONNREFUSED/, 'new connections are refused');

  await holder.send(held.slice(-1));
  const [late] = await holder.readResponses(1);
  assert.equal(late!.status, 201);
  assert.equal(late!.headers.connection, 'close');
  assert.deepEqual(await service.exited, { code: 0, signal: null });
  assert.equal(await redis.cli('EXISTS', 'borrow_rate_engine:closing:PUT'), '1');
});

test('a stopping service waits for an incomplete body and answers its request', async (t) => {
  const service = await alone(t, { SHUTDOWN_TIMEOUT_MS: '60000' });
  const connection = await open(t, service);
  const request = text('PUT /v1/cache/slow:A', '12345');
  await connection.send(request.slice(0, -2));
  assert.equal((await ask(await open(t, service), 'GET /livez')).status, 200);
  service.kill('SIGTERM');
  await stopping(service);
  await until(() =>
    connect(service.port).then(
      (refused) => refused.destroy(),
      () => true,
    ),
  );
  await connection.send(request.slice(-2));
  const [response] = await connection.readResponses(1);
  assert.equal(response!.status, 201);
  assert.equal(response!.headers.connection, 'close');
  assert.deepEqual(await service.exited, { code: 0, signal: null });
});

test('a request that never completes delays the stop for at most SHUTDOWN_TIMEOUT_MS', async (t) => {
  const stopWithOpenRequest = async (timeoutMs: number) => {
    const service = await alone(t, { SHUTDOWN_TIMEOUT_MS: String(timeoutMs) });
    const connection = await open(t, service);
    await connection.send(text('PUT /v1/cache/never', '12345').slice(0, -2));
    assert.equal((await ask(await open(t, service), 'GET /livez')).status, 200);
    service.kill('SIGTERM');
    await stopping(service);
    return service;
  };
  const patient = await stopWithOpenRequest(60_000);
  const started = performance.now();
  const impatient = await stopWithOpenRequest(300);
  assert.deepEqual(await impatient.exited, { code: 0, signal: null });
  assert.ok(performance.now() - started >= 300);
  assert.ok(!patient.logs.some(({ msg }) => msg === 'stopped'));
});

test('a second signal stops the service at once, with exit code 1', async (t) => {
  for (const [first, second] of [
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
  ] as const) {
    const service = await alone(t, { SHUTDOWN_GRACE_MS: '600000' });
    service.kill(first);
    await stopping(service);
    service.kill(second);
    assert.deepEqual(await service.exited, { code: 1, signal: null });
  }
});

test('a service stops with exit code 0 while Redis does not answer or is unreachable', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    const service = await startReplica(redis, { SHUTDOWN_GRACE_MS: '0', REDIS_COMMAND_TIMEOUT_MS: '200' });
    t.after(() => service.stop('SIGKILL'));
    await redis.signal(signal);
    await (await service.fetch('/v1/cache/a')).text();
    service.kill('SIGTERM');
    assert.deepEqual(await service.exited, { code: 0, signal: null });
    await redis.restart();
  }
});

test('under load, a stopping service answers every request until an answer has Connection: close', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis, { SHUTDOWN_GRACE_MS: '50', SHUTDOWN_TIMEOUT_MS: '60000' });
  t.after(() => service.stop('SIGKILL'));
  await put(service, 'load:HIT', '"hit"');

  let answered = 0;
  let closing = 0;
  const keepAsking = async (next: (i: number) => string) => {
    const connection = await open(t, service);
    for (let i = 0; ; i++) {
      // Rejects if the connection ends without an answer, which fails this test.
      const { headers, status } = await ask(connection, next(i));
      answered++;
      assert.ok(status < 300, `${status}`);
      if (headers.connection !== 'close') continue;
      closing++;
      await connection.closed;
      return;
    }
  };
  const readers = Array.from({ length: 20 }, () => keepAsking(() => 'GET /v1/cache/load:HIT'));
  const writers = Array.from({ length: 10 }, (_, w) =>
    keepAsking((i) => text(`PUT /v1/cache/load:${w}:${i}`, '1')),
  );
  const clients = Promise.all([...readers, ...writers]);
  await until(() => answered > 300);
  await redis.signal('SIGSTOP');
  const before = answered;
  await until(() => answered > before + 100);
  service.kill('SIGTERM');
  await Promise.all(readers);
  await redis.signal('SIGCONT');

  await clients;
  assert.equal(closing, 30);
  assert.deepEqual(await service.exited, { code: 0, signal: null });
});

async function alone(t: TestContext, env: Record<string, string>): Promise<Service> {
  const service = await startService({ standalone: true, env: { ...PATIENT, ...env } });
  t.after(() => service.stop('SIGKILL'));
  return service;
}

async function open(t: TestContext, service: Service): Promise<RawConnection> {
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  return connection;
}

function text(request: string, body?: string): string {
  const [line, ...headers] = request.includes(' HTTP/1.1') ? request.split('\r\n') : [`${request} HTTP/1.1`];
  if (body !== undefined) headers.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  return `${[line, 'Host: x', ...headers].join('\r\n')}\r\n\r\n${body ?? ''}`;
}

async function ask(connection: RawConnection, request: string): Promise<RawResponse> {
  await connection.send(
    request.endsWith('\r\n\r\n') || request.includes('\r\n\r\n') ? request : text(request),
  );
  const [response] = await connection.readResponses(1, undefined, { head: request.startsWith('HEAD') });
  return response!;
}

test('a stopping service does not log its closed connections as lost', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const { config } = loadConfig({ ...redisEnv(redis), ...PATIENT }, { standalone: false });
  const lines: string[] = [];
  const write = (_fields: unknown, message: string) => lines.push(message);
  const log = { debug: write, info: write, warn: write, error: write } as unknown as Logger;
  const core = composeCore(config, log);
  await until(() => core.cache.coherence === 'coherent' && core.redis!.count() === 3);
  const before = lines.length;
  core.close();
  const { data, admin, link } = core.redis!.servers()[0]!.server.redis;
  await until(() => [data, admin, link!].every(({ status }) => status === 'end'));
  assert.deepEqual(lines.slice(before), []);
});
