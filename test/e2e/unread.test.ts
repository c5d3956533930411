/** Clients that ask and do not read what they asked for. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import { residentBytesOf } from '../../loadtest/target/proc.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';

const MiB = 1024 * 1024;
const LARGE = JSON.stringify('x'.repeat(MiB - 100));
const ENV = {
  ...PATIENT,
  MAX_VALUE_BYTES: String(16 * MiB),
  MAX_BODY_BYTES: String(16 * MiB),
  SHUTDOWN_TIMEOUT_MS: '60000',
};
const SMALL = JSON.stringify({ ticker: 'AAPL', rate: 0.0525, filler: 'x'.repeat(400) });

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

/** From /metrics; NaN where there is none of that name. */
async function metric(service: Service, name: string): Promise<number> {
  const text = await (await service.fetch('/metrics')).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

/** A connection that reads nothing of its own accord. */
async function open(t: TestContext, { port }: Service): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  socket.pause();
  await once(socket, 'connect');
  return socket;
}

const get = (key: string) => `GET /v1/cache/${key} HTTP/1.1\r\nHost: test\r\n\r\n`;
const head = (key: string) => `HEAD /v1/cache/${key} HTTP/1.1\r\nHost: test\r\n\r\n`;

test('thousands of large values that nobody reads cost no memory, and nobody else waits', async (t) => {
  const service = await serviceWith(t, { 'k:large': LARGE });
  const before = residentBytesOf(service.pid);
  for (let i = 0; i < 5; i++) (await open(t, service)).write(get('k:large').repeat(1000));
  for (let i = 0; i < 10; i++) {
    assert.equal((await service.fetch('/v1/cache/k:large')).status, 200);
    assert.ok(residentBytesOf(service.pid) < before + 100 * MiB, `${residentBytesOf(service.pid) / MiB} MiB`);
  }
});

test('a large value is there whole, however slowly it is read, and the service waits for that before it stops', async (t) => {
  // More than the system takes for a client that reads nothing.
  const huge = JSON.stringify('x'.repeat(12 * MiB));
  const service = await serviceWith(t, { 'k:huge': huge });
  const socket = await open(t, service);
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

for (const [kind, request] of [
  ['small answers', get('k:small')],
  ['answers without a body', head('k:small')],
] as const)
  test(`${kind} that nobody reads end with the connection before memory does`, async (t) => {
    const service = await serviceWith(t, { 'k:small': SMALL });
    const before = residentBytesOf(service.pid);
    const socket = await open(t, service);
    const requests = request.repeat(2000);
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    await until(
      async () => {
        while (!closed && socket.write(requests));
        return closed;
      },
      { timeoutMs: 60_000 },
    );
    assert.ok(residentBytesOf(service.pid) < before + 600 * MiB, `${residentBytesOf(service.pid) / MiB} MiB`);
    assert.equal((await service.fetch('/v1/cache/k:small')).status, 200);
  });
