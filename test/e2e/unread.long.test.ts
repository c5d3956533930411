/** Clients that send requests and do not read the answers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect as connectRaw, type RawResponse } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { residentBytesOf } from '../../loadtest/target/proc.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { metric } from '../support/metric.ts';

const MiB = 1024 * 1024;
const LARGE = JSON.stringify('x'.repeat(MiB - 100));
const ENV = {
  ...PATIENT,
  MAX_VALUE_BYTES: String(16 * MiB),
  MAX_BODY_BYTES: String(16 * MiB),
  SHUTDOWN_TIMEOUT_MS: '60000',
};
const SMALL = JSON.stringify({ ticker: 'AAPL', rate: 0.0525, filler: 'x'.repeat(400) });
/** Under the size from which every answer is sent as it is read. */
const MEDIUM = JSON.stringify('x'.repeat(8000));

async function serviceWith(t: TestContext, values: Readonly<Record<string, string>>): Promise<Service> {
  const service = await startService({ standalone: true, env: ENV });
  t.after(() => service.stop());
  for (const [key, body] of Object.entries(values)) {
    const headers = { 'Content-Type': 'application/json' };
    const { ok } = await service.fetch(`/v1/cache/${key}`, { method: 'PUT', headers, body });
    assert.ok(ok);
  }
  return service;
}

/** A connection that reads nothing of its own accord. */
async function openSocket(t: TestContext, { port }: Service): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  socket.pause();
  await once(socket, 'connect');
  return socket;
}

const get = (key: string, headers = '') => `GET /v1/cache/${key} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const head = (key: string) => `HEAD /v1/cache/${key} HTTP/1.1\r\nHost: x\r\n\r\n`;

test('thousands of unread large answers use little memory and delay no other client', async (t) => {
  const service = await serviceWith(t, { 'k:large': LARGE });
  const before = residentBytesOf(service.pid);
  for (let i = 0; i < 5; i++) (await openSocket(t, service)).write(get('k:large').repeat(1000));
  for (let i = 0; i < 10; i++) {
    assert.equal((await service.fetch('/v1/cache/k:large')).status, 200);
    assert.ok(residentBytesOf(service.pid) < before + 100 * MiB, `${residentBytesOf(service.pid) / MiB} MiB`);
  }
});

test('a stopping service sends a large value whole to a slow reader', async (t) => {
  // Larger than the socket buffers of the kernel.
  const huge = JSON.stringify('x'.repeat(12 * MiB));
  const service = await serviceWith(t, { 'k:huge': huge });
  const socket = await openSocket(t, service);
  socket.write(get('k:huge'));
  await until(async () => (await metric(service, 'ratecache_http_open_requests')) > 1);
  const stopped = service.stop();
  await service.waitForLog(({ msg }) => msg === 'shutting down');
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    await pause(1);
  }
  assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4), huge);
  assert.equal((await stopped).code, 0);
});

/**
 * Clients that send these requests round after round and read nothing, until the service has closed all of them.
 * @returns the most memory that was resident after a round
 */
async function neverRead(
  t: TestContext,
  service: Service,
  clients: number,
  rounds: number,
  requests: string,
): Promise<number> {
  const open = new Set(await Promise.all(Array.from({ length: clients }, () => openSocket(t, service))));
  for (const socket of open) socket.on('close', () => open.delete(socket));
  let most = 0;
  for (let round = 0; open.size > 0; round++) {
    assert.ok(round < rounds, `${open.size} of ${clients} clients still connected after ${rounds} rounds`);
    for (const socket of open) socket.write(requests);
    // The service has handled all of that when it answers what came after.
    assert.equal((await service.fetch('/livez')).status, 200);
    most = Math.max(most, residentBytesOf(service.pid));
  }
  return most;
}

for (const [perRound, rounds] of [
  [32, 100],
  [4, 800],
] as const)
  test(`clients that send ${perRound} GETs at a time and never read are closed, and cost little memory`, async (t) => {
    const service = await serviceWith(t, { 'k:medium': MEDIUM });
    const before = residentBytesOf(service.pid);
    const most = await neverRead(t, service, 50, rounds, get('k:medium').repeat(perRound));
    assert.ok(most < before + 100 * MiB, `${(most - before) / MiB} MiB`);
  });

// Each size fills the buffer of corked answers to another level when the socket of the client takes no more.
for (const bytes of [4000, 6000, 7000, 9000, 14_000])
  test(`clients that never read values of ${bytes} bytes are closed, and the service goes on`, async (t) => {
    const service = await serviceWith(t, { 'k:sized': JSON.stringify('x'.repeat(bytes)) });
    await neverRead(t, service, 8, Math.ceil(8_000_000 / bytes), get('k:sized').repeat(4));
  });

test('a client that reads gets every answer, however many are checked', async (t) => {
  const service = await serviceWith(t, { 'k:medium': MEDIUM });
  const connection = await connectRaw(service.port);
  t.after(() => connection.destroy());
  for (let round = 0; round < 100; round++) {
    await connection.send(get('k:medium').repeat(32));
    for (const { status, body } of await connection.readResponses(32, 20_000)) {
      assert.equal(status, 200);
      assert.equal(body.length, MEDIUM.length);
    }
  }
});

for (const [kind, request] of [
  ['HEAD requests', head('k:small')],
  ['GETs that are answered 304', get('k:small', 'If-None-Match: *\r\n')],
] as const)
  test(`clients that send ${kind} and never read are closed`, async (t) => {
    const service = await serviceWith(t, { 'k:small': SMALL });
    await neverRead(t, service, 5, 2000, request.repeat(10));
  });

test('clients that are refused an upgrade again and again and never read are closed', async (t) => {
  const service = await serviceWith(t, {});
  const upgrade = [
    'GET /v1/ws HTTP/1.1',
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: unknown',
  ];
  await neverRead(t, service, 3, 400, `${upgrade.join('\r\n')}\r\n\r\n`.repeat(100));
});

test('an answer without a body that closes its connection is whole, says so, and the client may connect again', async (t) => {
  const service = await serviceWith(t, { 'k:small': SMALL });
  const connection = await connectRaw(service.port);
  t.after(() => connection.destroy());
  for (let i = 0; ; i++) {
    assert.ok(i < 2 * 1024, 'no answer closed the connection');
    await connection.send(head('k:small'));
    const [{ status, headers }] = (await connection.readResponses(1, 20_000, { head: true })) as [
      RawResponse,
    ];
    assert.equal(status, 200);
    assert.equal(headers['content-length'], String(SMALL.length));
    assert.ok(Math.abs(Date.parse(headers.date!) - Date.now()) < 60_000);
    if (headers.connection === 'close') break;
  }
  await connection.closed;
  assert.equal((await service.fetch('/v1/cache/k:small', { method: 'HEAD' })).status, 200);
});
