import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { RawConnection, RawResponse } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT, reachesRedis, redisEnv } from '../../loadtest/target/replicas.ts';
import { StartFailed, startService } from '../../loadtest/target/service.ts';
import type { StatsBody } from '../../src/metrics/stats.ts';
import { put } from '../support/client.ts';
import { answerOnNew, askOnNew } from '../support/new-connection.ts';
import {
  allHealthy,
  clientPortsOf,
  counterOf,
  healthOf,
  pidOf,
  readOften,
  startTwo,
  statsOf,
  whole,
} from '../support/processes.ts';
import { redisFor } from '../support/services.ts';
import { tokensFile } from '../support/tokens.ts';
import { connectWs } from '../support/ws-client.ts';

const CONNECTIONS = 40;

test('two processes serve one port, each as a replica with its own L1 and link', async (t) => {
  const service = await startTwo(t, await redisFor(t));
  const processes = await allHealthy(service);
  assert.deepEqual(
    processes.map(({ process }) => process),
    [1, 2],
  );
  const ready = await whole(() => service.ops('/readyz'));
  assert.equal(ready.status, 200);
  await reachesRedis(service);
  await put(service, 'shared:A', '1');
  await readOften(service, 'shared:A', 40);
  // One read of Redis for each L1.
  const stats = await statsOf(service);
  assert.equal(stats.local.by_type.other!.items, 2);
  assert.equal(stats.requests.get.hit, 40);
  assert.equal(stats.local.max_items, 2000);
  // A process that does not answer in time is missing.
  const replicas = await until(async () => {
    const explained = (await (await service.fetch('/v1/explain/shared:A')).json()) as {
      replicas: { pid: number }[];
    };
    return explained.replicas.length >= 2 ? explained.replicas : undefined;
  });
  const pids = replicas.map(({ pid }) => pid).sort();
  assert.deepEqual(pids, processes.map(({ pid }) => pid).sort());
});

test('without OPS_PORT, every process answers the endpoints of operators for all', async (t) => {
  const redis = await redisFor(t);
  const service = await startService({ env: { ...redisEnv(redis), ...PATIENT, PROCESSES: '2' } });
  t.after(async () => {
    await service.stop();
  });
  await reachesRedis(service);
  await put(service, 'shared:A', '1');
  await readOften(service, 'shared:A', 20);
  for (let i = 0; i < 10; i++) {
    const answer = await whole(() => answerOnNew(service.port, 'GET /stats HTTP/1.1\r\nHost: x\r\n\r\n'));
    const stats = JSON.parse(answer.body.toString()) as StatsBody;
    assert.equal(stats.requests.get.hit, 20);
  }
  const ready = await whole(() => service.fetch('/readyz'));
  assert.equal(ready.status, 200);
  assert.match(await (await service.fetch('/metrics')).text(), /^ratecache_processes 2$/m);
});

test('a process that dies is restarted, and no count of the service goes down', async (t) => {
  const service = await startTwo(t, await redisFor(t));
  await reachesRedis(service);
  await put(service, 'counted:A', '1');
  await readOften(service, 'counted:A', 20);
  const hits = 'cache_service_requests_total{operation="get",status="hit"}';
  const before = await counterOf(service, hits);
  const pid = await pidOf(service, 2);
  process.kill(pid, 'SIGKILL');
  const restarted = await until(async () => {
    const now = await allHealthy(service);
    return now[1]!.pid === pid ? undefined : now;
  });
  assert.equal(restarted.length, 2);
  assert.equal(await counterOf(service, hits), before);
  assert.equal(await counterOf(service, 'ratecache_process_restarts_total'), 1);
  const line = await service.waitForLog(({ msg }) => msg === 'a process ended; it will be restarted');
  assert.equal(line.process, 2);
  assert.equal(line.signal, 'SIGKILL');
});

test('a process that hangs is named, delays no answer for long, and does not survive the stop', async (t) => {
  const service = await startTwo(t, await redisFor(t), { SHUTDOWN_TIMEOUT_MS: '1' });
  const pid = await pidOf(service, 1);
  process.kill(pid, 'SIGSTOP');
  // The other process may be late.
  await until(async () => {
    const { status, reasons } = await healthOf(service);
    assert.deepEqual([status, reasons], ['degraded', ['Process 1 does not answer']]);
    return true;
  });
  const ready = await service.ops('/readyz');
  assert.equal(ready.status, 503);
  assert.match(((await ready.json()) as { reason: string }).reason, /^process 1: no answer within/);
  assert.equal(await counterOf(service, 'ratecache_processes_answering', 1), 1);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  assert.ok(service.logs.some(({ msg, process }) => msg?.includes('it was killed') && process === 1));
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});

test('an error in the first start ends the service once, with its exit code', async (t) => {
  const redis = await redisFor(t);
  const start = startService({
    env: { ...redisEnv(redis), PROCESSES: '2', AUTH_TOKENS_FILE: '/nowhere/tokens.json' },
  });
  await assert.rejects(start, (error: StartFailed) => {
    assert.ok(error instanceof StartFailed);
    assert.equal(error.exit.code, 78);
    assert.equal(error.stderr.match(/AUTH_TOKENS_FILE or AUTH_JWKS_FILE cannot be used/g)!.length, 1);
    return true;
  });
});

test('another program on the port is an error', async (t) => {
  const redis = await redisFor(t);
  const foreign = createServer().listen(0, '127.0.0.1');
  await once(foreign, 'listening');
  t.after(() => foreign.close());
  const { port } = foreign.address() as { port: number };
  const start = startService({ env: { ...redisEnv(redis), PROCESSES: '2', PORT: String(port) } });
  await assert.rejects(start, (error: StartFailed) => {
    assert.equal(error.exit.code, 1);
    assert.match(error.stderr, /is the port taken\?/);
    return true;
  });
});

test('standalone mode refuses several processes', async () => {
  await assert.rejects(startService({ standalone: true, env: { PROCESSES: '2' } }), (error: StartFailed) => {
    assert.equal(error.exit.code, 78);
    assert.match(error.stderr, /PROCESSES: "2", expected 1 in standalone mode/);
    return true;
  });
});

test('SIGHUP loads the tokens again in every process', async (t) => {
  const tokens = tokensFile({ old: { scopes: ['read'] } });
  t.after(() => tokens.remove());
  const service = await startTwo(t, await redisFor(t), { AUTH_TOKENS_FILE: tokens.path });
  const pids = await allHealthy(service);
  tokens.write({ fresh: { scopes: ['read'] } });
  service.kill('SIGHUP');
  const status = async (name: string) => {
    const { authorization } = tokens.bearer(name);
    const request = `GET /v1/cache/a HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`;
    return (await answerOnNew(service.port, request)).status;
  };
  // Ten connections in a row reach both processes but in one of 512 cases.
  await until(async () => {
    for (let i = 0; i < 10; i++)
      if ((await status('fresh')) !== 404 || (await status('old')) !== 401) return false;
    return true;
  });
  assert.deepEqual(await allHealthy(service), pids, 'the same processes');
});

test('after SIGHUP with a changed configuration, the processes are replaced without a failed request', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-env-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'ratecache.env');
  writeFileSync(file, 'LOCAL_CACHE_MAX_SIZE=500\n');
  const service = await startTwo(t, await redisFor(t), { ENV_FILE: file });
  const before = await allHealthy(service);
  await reachesRedis(service);
  await put(service, 'load:HIT', '"hit"');
  const hits = 'cache_service_requests_total{operation="get",status="hit"}';

  let stopped = false;
  let answered = 0;
  let closing = 0;
  const keepAsking = async (next: (i: number) => string) => {
    let connection: RawConnection | undefined;
    const ask = async (request: string): Promise<RawResponse> => {
      if (connection !== undefined) {
        await connection.send(request);
        // Rejects if the connection ends without an answer, which fails this test.
        return (await connection.readResponses(1))[0]!;
      }
      const asked = await askOnNew(service.port, request);
      connection = asked.connection;
      return asked.answer;
    };
    for (let i = 0; !stopped; i++) {
      const { status, headers } = await ask(next(i));
      assert.ok(status < 300, `${status}`);
      answered++;
      if (headers.connection !== 'close') continue;
      closing++;
      await connection!.closed;
      connection = undefined;
    }
    connection?.destroy();
  };
  const closes: number[] = [];
  const keepSubscribed = async (key: string) => {
    for (let value = 0; !stopped; value++) {
      // A process that has begun to stop refuses an upgrade, or closes the socket first; the client then connects again.
      const { socket, items } = await until(async () => {
        const socket = await connectWs(service);
        const { items } = await socket.subscribe({ keys: [key], values: true });
        return { socket, items };
      });
      if (value > 0) assert.equal(items[0]!.value, value - 1);
      const { status } = await answerOnNew(service.port, text(`PUT /v1/cache/${key}`, String(value)));
      assert.ok(status === 201 || status === 204, `${status}`);
      closes.push((await socket.closed).code);
    }
  };
  const text = (line: string, body = '') =>
    `${line} HTTP/1.1\r\nHost: x\r\n${body && `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`}\r\n${body}`;
  const clients = [
    ...Array.from({ length: 10 }, () => keepAsking(() => text('GET /v1/cache/load:HIT'))),
    ...Array.from({ length: 4 }, (_, w) => keepAsking((i) => text(`PUT /v1/cache/load:${w}:${i % 50}`, '1'))),
  ];
  const sockets = ['live:A', 'live:B', 'live:C', 'live:D'].map(keepSubscribed);
  const failed = Promise.race([...clients, ...sockets]).then(() => assert.fail('a client ended'));
  failed.catch(() => {});
  await Promise.race([failed, until(() => answered > 300)]);
  const hitsBefore = await counterOf(service, hits);

  writeFileSync(file, 'LOCAL_CACHE_MAX_SIZE=700\n');
  service.kill('SIGHUP');
  await Promise.race([
    failed,
    service.waitForLog(({ msg }) => msg === 'SIGHUP: all processes have the new configuration', 60_000),
  ]);
  const after = await allHealthy(service);
  for (const [i, { pid }] of after.entries()) assert.notEqual(pid, before[i]!.pid);
  const stats = await statsOf(service);
  assert.equal(stats.local.max_items, 1400);
  assert.ok(stats.requests.get.hit >= hitsBefore, 'no count goes down');
  assert.ok(closing > 0, 'connections were closed by an answer');
  assert.ok(closes.length >= 4);
  assert.ok(closes.every((code) => code === 1012));
  stopped = true;
  await Promise.all(clients);
  service.kill('SIGTERM');
  await Promise.all(sockets);
});

test('an invalid new configuration is logged, and the present one stays in use', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-env-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'ratecache.env');
  writeFileSync(file, 'LOCAL_CACHE_MAX_SIZE=500\n');
  const service = await startTwo(t, await redisFor(t), { ENV_FILE: file });
  const before = await allHealthy(service);
  writeFileSync(file, 'LOCAL_CACHE_MAX_SIZE=none\n');
  service.kill('SIGHUP');
  const line = await service.waitForLog(
    ({ msg }) => msg?.startsWith('SIGHUP: the configuration is invalid') === true,
  );
  assert.match(String(line.reason), /LOCAL_CACHE_MAX_SIZE: "none"/);
  // A process that ends before it is ready leaves the others as they are.
  writeFileSync(file, 'AUTH_TOKENS_FILE=/nowhere/tokens.json\n');
  service.kill('SIGHUP');
  await service.waitForLog(({ msg }) => msg?.startsWith('the new process is not ready') === true);
  assert.deepEqual(await allHealthy(service), before);
  writeFileSync(file, 'LOCAL_CACHE_MAX_SIZE=500\nHOST=127.0.0.2\n');
  service.kill('SIGHUP');
  await service.waitForLog(
    ({ msg, variable }) =>
      msg?.startsWith('SIGHUP: the change of a variable needs a restart') === true && variable === 'HOST',
  );
  assert.deepEqual(await allHealthy(service), before);
});

test('the processes stop when the supervisor is killed', async (t) => {
  const service = await startTwo(t, await redisFor(t));
  const pids = (await allHealthy(service)).map(({ pid }) => pid!);
  service.kill('SIGKILL');
  for (const pid of pids)
    await until(() => {
      try {
        process.kill(pid, 0);
        return false;
      } catch {
        return true;
      }
    });
  // Their last lines are in the log, which they share.
  await service.exited;
  assert.equal(service.logs.filter(({ msg }) => msg === 'stopped').length, 2);
});

test('a second signal ends the supervisor and its processes at once, with exit code 1', async (t) => {
  const service = await startTwo(t, await redisFor(t), { SHUTDOWN_GRACE_MS: '600000' });
  await allHealthy(service);
  service.kill('SIGTERM');
  await until(() => service.logs.filter(({ msg }) => msg === 'shutting down').length === 3);
  service.kill('SIGTERM');
  assert.deepEqual(await service.exited, { code: 1, signal: null });
});

test('after a process was restarted, HTTP connections spread over both again, and no request fails', async (t) => {
  const service = await startTwo(t, await redisFor(t));
  await put(service, 'spread:A', '1');
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const failures: unknown[] = [];
  let running = true;
  const clients = Array.from({ length: CONNECTIONS }, async () => {
    while (running) {
      await read(agent, service.port, '/v1/cache/spread:A').catch((error) => failures.push(error));
      await pause(5);
    }
  });
  t.after(async () => {
    running = false;
    await Promise.all(clients);
    agent.destroy();
  });
  const killed = await pidOf(service, 2);
  process.kill(killed, 'SIGKILL');
  const pids = await until(async () => {
    const now = (await allHealthy(service)).map(({ pid }) => pid!);
    return now.includes(killed) ? undefined : now;
  });
  // Those of the killed process.
  failures.length = 0;
  // The supervisor looks every five seconds, and needs five or six looks.
  const spread = await until(
    () => {
      const own = new Set(portsOf(agent));
      const connections = pids.map((pid) => [...clientPortsOf(pid)].filter((port) => own.has(port)).length);
      return Math.min(...connections) >= CONNECTIONS * 0.4 ? connections : undefined;
    },
    { timeoutMs: 90_000 },
  );
  assert.ok(Math.max(...spread) <= CONNECTIONS * 0.6, spread.join());
  assert.deepEqual(failures, []);
});

/** The local ports of its connections. */
function portsOf({ sockets, freeSockets }: Agent): number[] {
  const open = [sockets, freeSockets].flatMap((byHost) =>
    Object.values(byHost).flatMap((each) => each ?? []),
  );
  return open.flatMap(({ localPort }) => localPort ?? []);
}

async function read(agent: Agent, port: number, path: string): Promise<void> {
  const request = get({ agent, host: '127.0.0.1', port, path });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  await once(answer.resume(), 'end');
  assert.equal(answer.statusCode, 200);
}
