/** Faults of the processes of one service, and of their supervisor. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent, request } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { program } from '../../loadtest/target/program.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { type LogLine, type Service, StartFailed, startService } from '../../loadtest/target/service.ts';
import { tether } from '../../loadtest/target/tether.ts';
import type { HealthBody } from '../../src/metrics/health.ts';
import { SUPERVISOR_ANSWER_MS } from '../../src/service/supervisor/questions.ts';
import { pathOf, put } from '../support/client.ts';
import { allHealthy, clientPortsOf, healthOf, type Operated, pidOf, startTwo } from '../support/processes.ts';
import { redisFor } from '../support/services.ts';
import { pemOf, replaceableFiles } from '../support/tls-files.ts';
import { tokensFile } from '../support/tokens.ts';
import { whileFrozen } from '../support/while-frozen.ts';
import { connectWs } from '../support/ws-client.ts';

const ENDED = 'a process ended; it will be restarted';

const linesOf = (logs: readonly LogLine[], msg: string) => logs.filter((line) => line.msg === msg);

async function listening(t: TestContext): Promise<Server & { readonly port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return Object.assign(server, { port: (server.address() as { port: number }).port });
}

async function limitOpenFiles({ pid }: Service, limit: number): Promise<void> {
  // Only the soft limit, so that it can be raised again.
  await promisify(execFile)('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]);
}

async function notReady(service: Operated): Promise<string | undefined> {
  const answer = await service.ops('/readyz');
  return ((await answer.json()) as { reason?: string }).reason;
}

test('while a process cannot start, the others serve, and it starts when the cause is gone', async (t) => {
  const tokens = tokensFile({ reader: { scopes: ['read'] } });
  t.after(() => tokens.remove());
  const service = await startTwo(t, await redisFor(t), { AUTH_TOKENS_FILE: tokens.path });
  const pid = await pidOf(service, 2);
  writeFileSync(tokens.path, 'not a tokens file');
  process.kill(pid, 'SIGKILL');
  await until(() => linesOf(service.logs, ENDED).length >= 4);
  const [killed, ...failed] = linesOf(service.logs, ENDED);
  assert.deepEqual([killed!.process, killed!.signal], [2, 'SIGKILL']);
  for (const { process, code } of failed) assert.deepEqual([process, code], [2, 78]);
  // It doubles, and jitter shortens it by up to half.
  assert.ok(Number(failed.at(-1)!.restart_in_ms) >= 2 * Number(killed!.restart_in_ms));

  assert.equal(await notReady(service), 'process 2: it is starting');
  const health = await service.ops('/health');
  const { status, reasons, processes } = (await health.json()) as HealthBody;
  assert.deepEqual([health.status, status], [200, 'degraded']);
  assert.match(reasons[0]!, /^Process 2 is (re)?starting$/);
  assert.equal(processes![1]!.status, 'no answer');
  for (let i = 0; i < 20; i++) {
    const connection = await connect(service.port);
    const { authorization } = tokens.bearer('reader');
    await connection.send(`GET /v1/cache/a HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`);
    const [answer] = await connection.readResponses(1);
    assert.equal(answer!.status, 404);
    connection.destroy();
  }

  tokens.write({ reader: { scopes: ['read'] } });
  await allHealthy(service);
  assert.equal(await notReady(service), undefined);
});

test('a signal during the start stops the supervisor and its processes without an error', async (t) => {
  // A Redis that never answers, so that each process waits for it before it listens.
  const silent = await listening(t);
  const first = ({ msg, process }: LogLine) => msg === 'starting' && process === 1;
  const second = ({ msg, process }: LogLine) => msg === 'starting' && process === 2;
  for (const seen of [first, second]) {
    const { command, args } = program('serve');
    const child = spawn(command, args, {
      env: {
        PATH: process.env.PATH,
        ...redisEnv(silent),
        ...PATIENT,
        PORT: '0',
        OPS_PORT: '0',
        PROCESSES: '2',
        REDIS_CONNECT_TIMEOUT_MS: '3000',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    tether(child);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const lines: LogLine[] = [];
    createInterface({ input: child.stdout }).on('line', (text) => {
      lines.push(JSON.parse(text));
      if (seen(lines.at(-1)!)) child.kill('SIGTERM');
    });
    const [code, signal] = await once(child, 'close');
    assert.deepEqual([code, signal, stderr], [0, null, '']);
    assert.ok(lines.some(seen));
    assert.equal(lines.filter(({ msg, process }) => msg === 'stopped' && process === undefined).length, 1);
    assert.ok(!lines.some(({ msg }) => msg === 'listening' || msg === ENDED), JSON.stringify(lines));
    for (const { pid } of lines) assert.throws(() => process.kill(Number(pid), 0), /ESRCH/);
  }
});

test('a process that is blocked when it is stopped drains and ends when it continues', async (t) => {
  const service = await startTwo(t, await redisFor(t));
  const pid = await pidOf(service, 2);
  process.kill(pid, 'SIGSTOP');
  service.kill('SIGTERM');
  // Longer than the supervisor waits for an answer to other questions.
  await pause(1600);
  process.kill(pid, 'SIGCONT');
  assert.deepEqual(await service.exited, { code: 0, signal: null });
  const stopped = linesOf(service.logs, 'stopped').map((line) => line.process);
  assert.deepEqual(new Set(stopped), new Set([1, 2, undefined]));
});

test('a process ends in time if Redis, the collector of traces and the supervisor do not answer', async (t) => {
  const redis = await redisFor(t);
  const collector = await listening(t);
  const service = await startTwo(t, redis, {
    REDIS_COMMAND_TIMEOUT_MS: '200',
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
  });
  const pid = await pidOf(service, 1);
  await reachesRedis(service);
  const lineOf = (text: string) =>
    service.waitForLog(({ msg, process }) => process === 1 && msg?.startsWith(text) === true);
  await whileFrozen(redis, async () => {
    // Each is on a new connection, so process 1 has a pending write but in one of a million cases.
    for (let i = 0; i < 20; i++) {
      const connection = await connect(service.port);
      await connection.send(
        'PUT /v1/cache/late:A HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n1',
      );
      const [answer] = await connection.readResponses(1);
      assert.equal(answer!.status, 202);
      connection.destroy();
    }
    service.kill('SIGSTOP');
    process.kill(pid, 'SIGTERM');
    const stopped = await lineOf('stopped').finally(() => service.kill('SIGCONT'));
    assert.ok(
      service.logs.some(({ msg, process }) => process === 1 && msg?.startsWith('pending writes are lost')),
    );
    const tookMs =
      Date.parse(String(stopped.time)) - Date.parse(String((await lineOf('shutting down')).time));
    // After `STOP_EXTRA_MS`, which is 5 s, the supervisor kills it.
    assert.ok(tookMs < 5000, `${tookMs} ms`);
  });
});

test('when one of two processes is killed under load, no read of the other fails', async (t) => {
  const service = await startTwo(t, await redisFor(t));
  const victim = await pidOf(service, 1);
  await reachesRedis(service);
  assert.equal((await put(service, 'killed:A', '1')).status, 201);
  const openedAt = new Map<number, number>();
  const failures: { port: number; at: number }[] = [];
  let answered = 0;
  let stopped = false;
  const keepReading = async () => {
    const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    while (!stopped) {
      const sent = requestHttp({ port: service.port, path: pathOf('killed:A'), agent }).end();
      let port = 0;
      sent.once('socket', (socket: Socket) => {
        const opened = () => {
          port = socket.localPort!;
          if (!openedAt.has(port)) openedAt.set(port, performance.now());
        };
        if (socket.connecting) socket.once('connect', opened);
        else opened();
      });
      try {
        const [response] = await once(sent, 'response');
        for await (const _ of response);
        assert.equal(response.statusCode, 200);
        answered++;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        failures.push({ port, at: performance.now() });
      }
    }
  };
  const clients = Array.from({ length: 20 }, keepReading);
  const failed = Promise.race(clients).then(() => assert.fail('a client ended'));
  failed.catch(() => {});
  await Promise.race([failed, until(() => answered > 1000)]);
  assert.deepEqual(failures, []);

  const from = performance.now();
  const ofVictim = clientPortsOf(victim);
  process.kill(victim, 'SIGKILL');
  await service.waitForLog(({ msg }) => msg === ENDED);
  const to = performance.now();
  const before = answered;
  await Promise.race([failed, until(() => answered > before + 1000)]);
  await Promise.race([failed, allHealthy(service)]);
  stopped = true;
  await Promise.all(clients);
  assert.ok(failures.length > 0 && failures.length < 20, `${failures.length} connections were of the victim`);
  // The kernel may also have given the victim a connection just before its end.
  const isOfVictim = ({ port, at }: (typeof failures)[number]) => {
    const opened = openedAt.get(port) ?? at;
    return ofVictim.has(port) || (opened >= from && opened <= to);
  };
  assert.deepEqual(
    failures.filter((failure) => !isOfVictim(failure)),
    [],
  );
});

test('a second signal also ends a process that hangs', async (t) => {
  const service = await startTwo(t, await redisFor(t), { SHUTDOWN_GRACE_MS: '600000' });
  const pids = (await allHealthy(service)).map(({ pid }) => pid!);
  process.kill(pids[1]!, 'SIGSTOP');
  t.after(() => service.stop('SIGKILL'));
  service.kill('SIGTERM');
  await until(() => linesOf(service.logs, 'shutting down').length === 2);
  const from = performance.now();
  service.kill('SIGTERM');
  assert.deepEqual(await service.exited, { code: 1, signal: null });
  const tookMs = performance.now() - from;
  assert.ok(tookMs < 5000, `${tookMs} ms`);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), /ESRCH/);
});

test('the supervisor starts a process again when it has free file descriptors', async (t) => {
  const service = await startTwo(t, await redisFor(t));
  const pid = await pidOf(service, 2);
  await limitOpenFiles(service, 3);
  process.kill(pid, 'SIGKILL');
  const line = await service.waitForLog(({ msg, error }) => msg === ENDED && error !== undefined);
  assert.match(String(line.error), /EMFILE/);
  assert.equal(line.process, 2);
  await limitOpenFiles(service, 4096);
  const processes = await allHealthy(service);
  assert.notEqual(processes[1]!.pid, pid);
});

test('OPS_PORT in use ends the start with exit code 1, before a process starts', async (t) => {
  const { port } = await listening(t);
  const env = { ...redisEnv(await redisFor(t)), PROCESSES: '2', OPS_PORT: String(port) };
  await assert.rejects(startService({ env }), (error: StartFailed) => {
    assert.ok(error instanceof StartFailed);
    assert.equal(error.exit.code, 1);
    assert.match(error.stderr, /is the port taken\?/);
    assert.ok(!error.logs.some(({ process }) => process !== undefined));
    return true;
  });
});

test('while the supervisor hangs, the processes serve, and their health names it', async (t) => {
  const service = await startService({
    env: { ...redisEnv(await redisFor(t)), ...PATIENT, PROCESSES: '2' },
  });
  t.after(() => service.stop());
  t.after(() => service.kill('SIGCONT'));
  const health = async () => {
    const answer = await service.fetch('/health');
    return { code: answer.status, body: (await answer.json()) as HealthBody };
  };
  await until(async () => (await health()).body.status === 'healthy');
  service.kill('SIGSTOP');
  const { code, body } = await health();
  assert.deepEqual([code, body.status], [200, 'degraded']);
  assert.match(body.reasons[0]!, /^The supervisor does not answer: this is the health of process [12] only$/);
  const ready = await service.fetch('/readyz');
  assert.equal(ready.status, 503);
  assert.match(((await ready.json()) as { reason: string }).reason, /^the supervisor does not answer/);
  for (const path of ['/stats', '/metrics', '/v1/hot-keys'])
    assert.equal((await service.fetch(path)).status, 503, path);
  assert.equal((await service.fetch('/livez')).status, 200);
  assert.equal((await service.fetch('/v1/cache/a')).status, 404);
  service.kill('SIGCONT');
  await until(async () => (await health()).body.status === 'healthy');
  assert.ok(!service.logs.some(({ msg }) => msg === 'internal error in a request'));
});

test('a process that starts while the supervisor is stopped serves, and is known when the supervisor continues', async (t) => {
  const redis = await redisFor(t);
  const service = await startTwo(t, redis, { REDIS_CONNECT_TIMEOUT_MS: '60000' });
  t.after(() => service.kill('SIGCONT'));
  const killed = await pidOf(service, 2);
  const ofSuccessor = (msg: string) => (line: LogLine) =>
    line.msg === msg && line.process === 2 && line.pid !== killed;
  // The process waits for Redis before it listens, so the supervisor is stopped by then.
  await whileFrozen(redis, async () => {
    process.kill(killed, 'SIGKILL');
    await service.waitForLog(ofSuccessor('starting'));
    service.kill('SIGSTOP');
  });
  const { pid } = await service.waitForLog(ofSuccessor('process listening'));
  await pause(SUPERVISOR_ANSWER_MS + 1000);
  service.kill('SIGCONT');
  assert.equal(await pidOf(service, 2), pid);
  assert.deepEqual(linesOf(service.logs, 'shutting down'), []);
});

test('after SIGHUP both processes use a replaced certificate, and no request or socket of before fails', async (t) => {
  const files = replaceableFiles(t, 'server');
  const service = await startTwo(t, await redisFor(t), files.env);
  await allHealthy(service);
  const ca = pemOf('authority');
  let ended = false;
  let reused = 0;
  const send = async (agent: Agent | false) => {
    const sent = request({ host: '127.0.0.1', port: service.port, path: pathOf('tls:A'), ca, agent }).end();
    const [response] = await once(sent, 'response');
    for await (const _ of response);
    assert.equal(response.statusCode, 404);
    // A response that the service closes has no socket any more.
    return (response.socket as TLSSocket | null)?.getPeerCertificate().subject?.CN;
  };
  const keepAsking = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    for (; !ended; reused++) await send(agent);
  };
  // The supervisor leaves the spread of two sockets alone.
  const sockets = await Promise.all(Array.from({ length: 2 }, () => connectWs(service, { tls: { ca } })));
  const clients = Array.from({ length: 8 }, keepAsking);
  const failed = Promise.race(clients).then(() => assert.fail('a client ended'));
  failed.catch(() => {});
  await until(() => reused > 100);

  files.replace('renewed', 'crt');
  files.replace('renewed', 'key');
  service.kill('SIGHUP');
  const done = ({ msg }: LogLine) =>
    msg === 'SIGHUP: all processes have read their files again; earlier lines report files that were refused';
  await Promise.race([failed, service.waitForLog(done)]);
  // Twenty connections reach both processes but in one of a million cases.
  for (let i = 0; i < 20; i++) assert.equal(await send(false), 'renewed');
  const before = reused;
  await Promise.race([failed, until(() => reused > before + 100)]);
  for (const socket of sockets) {
    assert.equal((await socket.request('ping')).ok, true);
    await socket.close();
  }
  ended = true;
  await Promise.all(clients);
  await until(async () => (await healthOf(service)).status === 'healthy');
});
