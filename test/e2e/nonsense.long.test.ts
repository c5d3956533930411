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

// A server with invalid replies takes the place of Redis.

/** Invalid replies to every command. */
const NONSENSE: Readonly<Record<string, string>> = {
  'another protocol': 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n',
  noise: '\u0000\u0001\u00ff\r\n*$\r\n',
  'OK to everything': '+OK\r\n',
  'numbers for everything': ':7\r\n:8\r\n:9\r\n',
  nulls: '*-1\r\n$-1\r\n',
  'empty arrays': '*0\r\n',
  'arrays within arrays': '*1\r\n'.repeat(1000),
  'more than memory holds': '*5000000000\r\n$99999999999\r\nabc',
  'messages without a subscription': '*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n',
  'a message without a channel': '*1\r\n$7\r\nmessage\r\n',
};

/** The number of connections to await: the first three, and as many reconnects. */
const CONNECTIONS = 6;
/** The pauses between attempts grow to 30 s. */
const RECONNECTED = { timeoutMs: 120_000 };

test('a server with invalid replies fails no read and no write', async (t) => {
  await Promise.all(
    Object.entries(NONSENSE).map(async ([name, nonsense]) =>
      assertServes(t, name, await answering(t, () => nonsense)),
    ),
  );
});

test('a server with invalid replies after a valid greeting fails no read and no write', async (t) => {
  await Promise.all(
    Object.entries(NONSENSE).map(async ([name, nonsense]) =>
      assertServes(t, name, await answering(t, (request) => greeting(request) ?? nonsense)),
    ),
  );
});

test('a service whose Redis sends invalid replies is alive, accepts pending writes, and rejects a list of keys', async (t) => {
  const nonsense = await answering(t, (request) => greeting(request) ?? NONSENSE.noise!);
  const service = await startService({ env: { ...PATIENT, ...redisEnv(nonsense) } });
  t.after(() => service.stop('SIGKILL'));
  await until(() => nonsense.connections >= CONNECTIONS, RECONNECTED);
  assert.equal((await put(service, 'kept', '1')).status, 202);
  assert.equal((await del(service, 'gone')).status, 202);
  assert.equal(await statusOf(service, '/v1/cache/kept'), 200);
  assert.equal(await statusOf(service, '/v1/cache/nowhere'), 404);
  assert.equal(await statusOf(service, '/v1/keys'), 503);
  for (const path of ['/livez', '/health', '/metrics']) assert.equal(await statusOf(service, path), 200);
});

/** Valid replies to the first commands of a connection and of the link. */
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
  /** The number of connections so far. */
  readonly connections: number;
}

/** A server that answers every command with the result of `answer`. */
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

/** Asserts that a cache in this process answers reads and changes until it has reconnected several times. */
async function assertServes(t: TestContext, name: string, server: Nonsense): Promise<void> {
  const { config } = loadConfig({ ...PATIENT, ...redisEnv(server) }, { standalone: false });
  const silent = () => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent } as unknown as Logger;
  const { cache, close } = composeCore(config, log);
  t.after(close);
  await until(async () => {
    const { status } = await cache.set('kept', { encoding: 'json', body: '1' });
    assert.equal(status, 'accepted', name);
    assert.equal((await cache.delete('gone')).status, 'accepted', name);
    assert.equal((await cache.get('kept')).entry?.json, '1', name);
    assert.equal((await cache.get('nowhere')).entry, undefined, name);
    return server.connections >= CONNECTIONS;
  }, RECONNECTED);
}

async function statusOf(service: Service, path: string): Promise<number> {
  const response = await service.fetch(path);
  await response.arrayBuffer();
  return response.status;
}
