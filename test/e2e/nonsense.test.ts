import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Logger } from '../../src/log.ts';
import { composeCore } from '../../src/service/compose.ts';
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

/** Connections of the service to such a server: its first three, and as many again. */
const CONNECTIONS = 6;

test('a server that answers nonsense ends no service, fails no read and no write', async (t) => {
  await Promise.all(
    Object.entries(NONSENSE).map(async ([name, nonsense]) =>
      assertServes(t, name, await answering(t, () => nonsense)),
    ),
  );
});

test('a server that begins as Redis does and then answers nonsense is one as well', async (t) => {
  await Promise.all(
    Object.entries(NONSENSE).map(async ([name, nonsense]) =>
      assertServes(t, name, await answering(t, (request) => greeting(request) ?? nonsense)),
    ),
  );
});

test('a service whose Redis answers nonsense is alive, keeps changes, and lists no keys', async (t) => {
  const nonsense = await answering(t, (request) => greeting(request) ?? NONSENSE.noise!);
  const service = await startService({ env: { ...PATIENT, ...redisEnv(nonsense) } });
  t.after(() => service.stop('SIGKILL'));
  await until(() => nonsense.connections >= CONNECTIONS);
  assert.equal((await put(service, 'kept', '1')).status, 202);
  assert.equal((await del(service, 'gone')).status, 202);
  assert.equal(await statusOf(service, '/v1/cache/kept'), 200);
  assert.equal(await statusOf(service, '/v1/cache/nowhere'), 404);
  assert.equal(await statusOf(service, '/v1/keys'), 503);
  for (const path of ['/livez', '/health', '/metrics']) assert.equal(await statusOf(service, path), 200);
});

/** What a client asks first, and what is asked before the link subscribes, as Redis answers it. */
function greeting(request: string): string | undefined {
  if (/\binfo\b/i.test(request)) return bulk('redis_version:7.0.0\r\nrun_id:a\r\n');
  if (/\b(setname|setinfo|tracking)\b/i.test(request)) return '+OK\r\n';
  if (/\r\nid\r\n/i.test(request)) return ':1\r\n';
  return undefined;
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

interface Nonsense {
  readonly port: number;
  /** That were made so far. */
  readonly connections: number;
}

/** A server that gives this answer to everything it is told. */
async function answering(t: TestContext, answer: (request: string) => string): Promise<Nonsense> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on('error', () => {});
    socket.on('data', (request) => socket.write(answer(request.toString('latin1')), 'latin1'));
    t.after(() => socket.destroy());
  });
  await new Promise<void>((resume) => server.listen(0, '127.0.0.1', resume));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return {
    port: address.port,
    get connections() {
      return connections;
    },
  };
}

/** A cache in this process answers reads and changes until its connections have been made anew some times. */
async function assertServes(t: TestContext, told: string, server: Nonsense): Promise<void> {
  const { config } = loadConfig({ ...PATIENT, ...redisEnv(server) }, { standalone: false });
  const silent = () => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent } as unknown as Logger;
  const { cache, close } = composeCore(config, log);
  t.after(close);
  await until(async () => {
    const { status } = await cache.set('kept', { encoding: 'json', body: '1' });
    assert.equal(status, 'accepted', told);
    assert.equal((await cache.delete('gone')).status, 'accepted', told);
    assert.equal((await cache.get('kept')).entry?.json, '1', told);
    assert.equal((await cache.get('nowhere')).entry, undefined, told);
    return server.connections >= CONNECTIONS;
  });
}

async function statusOf(service: Service, path: string): Promise<number> {
  const response = await service.fetch(path);
  await response.arrayBuffer();
  return response.status;
}
