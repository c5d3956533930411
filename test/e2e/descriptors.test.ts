import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connect, type RawConnection } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, reachesRedis, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { put, readIntoL1 } from '../support/client.ts';
import { connectWs } from '../support/ws-client.ts';

const LIMIT = 80;
const TICKS_PER_SECOND = 100;

test('connections beyond the limit of open files are closed at once and use little CPU', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis, {}, ['prlimit', `--nofile=${LIMIT}`]);
  t.after(() => service.stop('SIGKILL'));
  const existing = await open(t, service);
  assert.equal(await status(existing, 'GET', '/livez'), 200);

  const crowd = await Promise.all(Array.from({ length: 2 * LIMIT }, () => open(t, service)));
  let closed = 0;
  for (const connection of crowd) connection.closed.then(() => closed++);
  await service.waitForLog(({ msg }) => /^connections refused/.test(msg ?? ''));
  await until(() => closed > LIMIT);
  assert.ok(closed < crowd.length, 'connections within the limit stay open');

  const before = cpuTicks(service.pid);
  await delay(1000);
  const ticks = cpuTicks(service.pid) - before;
  assert.ok(ticks < TICKS_PER_SECOND / 2, `${ticks} ticks of CPU in a second`);

  assert.equal(await status(existing, 'PUT', '/v1/cache/descriptors:A', '1'), 201);
  assert.ok((await metric(existing, 'ratecache_connections_refused_total')) >= closed);
  // The service has descriptors left for its own connections.
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
  await service.waitForLog(({ msg }) => msg === 'Redis connection lost; reconnecting');
  await until(async () => (await status(existing, 'PUT', '/v1/cache/descriptors:B', '1')) === 204);

  for (const connection of crowd) connection.destroy();
  await reachesRedis(service);
  assert.ok((await put(service, 'descriptors:C', '1')).ok);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
});

test('a service without a free file descriptor serves L1, and recovers when descriptors are free', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop('SIGKILL'));
  const existing = await open(t, service);
  assert.equal(await status(existing, 'PUT', '/v1/cache/descriptors:A', '1'), 201);
  await readIntoL1(service, 'descriptors:A');
  const resident = await metric(existing, 'process_resident_memory_bytes');
  assert.ok(resident > 0);
  await limitOpenFiles(service, 3);

  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal');
  await service.waitForLog(({ msg }) => msg === 'Redis connection lost; reconnecting');
  // The service keeps trying to connect.
  const failures = 'redis_error_total{reason="connection"}';
  const before = await metric(existing, failures);
  await until(async () => (await metric(existing, failures)) >= before + 5);
  assert.equal(await status(existing, 'GET', '/v1/cache/descriptors:A'), 200);
  assert.equal(await status(existing, 'PUT', '/v1/cache/descriptors:A', '2'), 202);
  assert.equal(await status(existing, 'GET', '/health'), 200);
  assert.equal(await status(existing, 'GET', '/stats'), 200);
  assert.equal(await metric(existing, 'process_resident_memory_bytes'), resident, 'the last known value');

  await limitOpenFiles(service, 4096);
  await reachesRedis(service);
  assert.ok((await put(service, 'descriptors:B', '1')).ok);
  await until(async () => (await redis.cli('EXISTS', 'borrow_rate_engine:descriptors:A')) === '1');
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
});

async function limitOpenFiles({ pid }: Service, limit: number): Promise<void> {
  // Only the soft limit, so that it can be raised again.
  await promisify(execFile)('prlimit', ['--pid', String(pid), `--nofile=${limit}:`]);
}

/** User and system time of the process so far. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

async function open(t: TestContext, service: Service): Promise<RawConnection> {
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  return connection;
}

async function status(connection: RawConnection, method: string, path: string, body = ''): Promise<number> {
  return (await ask(connection, method, path, body)).status;
}

async function metric(connection: RawConnection, name: string): Promise<number> {
  const { body } = await ask(connection, 'GET', '/metrics');
  const line = body
    .toString()
    .split('\n')
    .find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

async function ask(connection: RawConnection, method: string, path: string, body = '') {
  const length = body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  await connection.send(`${method} ${path} HTTP/1.1\r\nHost: x\r\n${length}\r\n${body}`);
  const [response] = await connection.readResponses(1);
  return response!;
}

test('clients beyond MAX_CONNECTIONS are closed at once, and a closed WebSocket makes room', async (t) => {
  const service = await startService({ standalone: true, env: { ...PATIENT, MAX_CONNECTIONS: '12' } });
  t.after(() => service.stop());
  const existing = await open(t, service);
  assert.equal(await status(existing, 'GET', '/livez'), 200);
  // Several rounds: a count that missed the close of a connection would refuse the later ones.
  for (let round = 0; round < 3; round++) {
    const sockets = await Promise.all(Array.from({ length: 8 }, () => connectWs(service)));
    const crowd = await Promise.all(Array.from({ length: 20 }, () => open(t, service)));
    let closed = 0;
    for (const connection of crowd) connection.closed.then(() => closed++);
    await until(() => closed === 17);
    for (const connection of crowd) connection.destroy();
    for (const socket of sockets) {
      assert.equal((await socket.request('ping')).ok, true);
      await socket.close();
    }
    await until(async () => (await metric(existing, 'ratecache_ws_connections')) === 0);
    const again = await until(() => open(t, service).then(served));
    again.destroy();
    await again.closed;
  }
  assert.ok((await metric(existing, 'ratecache_limited_total{limit="connections"}')) >= 51);
  await service.waitForLog(({ msg }) => msg === 'connections refused: the limit MAX_CONNECTIONS is reached');
});

test('1,100 connections at a limit of 1,024 open files leave the service running', async (t) => {
  const under = ['prlimit', '--nofile=1024'];
  const service = await startService({ standalone: true, env: PATIENT, under });
  t.after(() => service.stop());
  const existing = await open(t, service);
  assert.equal(await status(existing, 'GET', '/livez'), 200);
  const crowd = await Promise.all(Array.from({ length: 1100 }, () => open(t, service)));
  let closed = 0;
  for (const connection of crowd) connection.closed.then(() => closed++);
  await until(() => closed > 76);
  assert.ok(closed < 200, `${closed} closed`);
  assert.equal(await status(existing, 'PUT', '/v1/cache/descriptors:A', '1'), 201);
  for (const connection of crowd) connection.destroy();
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
});

/** The connection if the service answers on it. */
async function served(connection: RawConnection): Promise<RawConnection | undefined> {
  const answer = await status(connection, 'GET', '/livez').catch(() => undefined);
  return answer === 200 ? connection : undefined;
}
