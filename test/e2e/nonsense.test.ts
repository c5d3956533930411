import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { del, put } from '../support/client.ts';

// In place of Redis there is a server that answers what no Redis would answer.

/** What a server that is no Redis may answer to whatever it is told. */
const NONSENSE: Readonly<Record<string, string>> = {
  'another protocol': 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
  noise: '\u0000\u0001\u00ff\r\n*$\r\n',
  'OK to everything': '+OK\r\n',
  'numbers for everything': ':7\r\n:8\r\n:9\r\n',
  nulls: '*-1\r\n$-1\r\n',
  'empty arrays': '*0\r\n',
  'arrays within arrays': '*1\r\n'.repeat(1000),
  'more than memory holds': '*5000000000\r\n$99999999999\r\nabc',
  'messages that nobody subscribed to': '*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n',
  'a message without a channel': '*1\r\n$7\r\nmessage\r\n',
};

test('a server that answers nonsense ends no service, fails no read and no write', async (t) => {
  for (const [name, nonsense] of Object.entries(NONSENSE)) {
    const port = await answering(t, () => nonsense);
    await assertServes(await serve(t, port), name);
  }
});

test('a server that begins as Redis does and then answers nonsense is one as well', async (t) => {
  for (const [name, nonsense] of Object.entries(NONSENSE)) {
    // What a client asks first, and what is asked before the link subscribes.
    const port = await answering(t, (request) => {
      if (/\binfo\b/i.test(request)) return bulk('redis_version:7.0.0\r\nrun_id:a\r\n');
      if (/\b(setname|setinfo|tracking)\b/i.test(request)) return '+OK\r\n';
      if (/\r\nid\r\n/i.test(request)) return ':1\r\n';
      return nonsense;
    });
    await assertServes(await serve(t, port), name);
  }
});

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

async function serve(t: TestContext, port: number): Promise<Service> {
  const where = { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(port), REDIS_PASSWORD: '' };
  const service = await startService({
    env: { ...where, SHUTDOWN_GRACE_MS: '0', OVERLOAD_LOOP_DELAY_MS: '0' },
  });
  t.after(() => service.stop('SIGKILL'));
  return service;
}

/** A server that gives this answer to everything it is told. Gives its port. */
async function answering(t: TestContext, answer: (request: string) => string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (request) => socket.write(answer(request.toString('latin1')), 'latin1'));
    t.after(() => socket.destroy());
  });
  await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

/** It answers reads and changes for as long as it takes its connections to have been made anew some times. */
async function assertServes(service: Service, told: string): Promise<void> {
  const deadline = performance.now() + 700;
  while (performance.now() < deadline) {
    assert.equal((await put(service, 'kept', '1')).status, 202, told);
    assert.equal((await del(service, 'gone')).status, 202, told);
    assert.equal(await statusOf(service, '/v1/cache/kept'), 200, told);
    assert.equal(await statusOf(service, '/v1/cache/nowhere'), 404, told);
    assert.equal(await statusOf(service, '/v1/keys'), 503, told);
    assert.equal(await statusOf(service, '/livez'), 200, told);
  }
  assert.equal(await statusOf(service, '/health'), 200, told);
  assert.equal((await service.fetch('/metrics')).status, 200, told);
}

async function statusOf(service: Service, path: string): Promise<number> {
  const response = await service.fetch(path);
  await response.arrayBuffer();
  return response.status;
}
