import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { firstThatAnswers, reachedTarget } from '../../../loadtest/target/running.ts';
import { tlsFile } from '../../support/tls-files.ts';

const NOBODY = { headers: [], token: undefined };
const target = (url: string) => reachedTarget({ url, ...NOBODY, remote: false });

/** Listens on 127.0.0.1 only, and returns the port. */
async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

for (const url of [
  'http://user@127.0.0.1:1',
  'http://:password@127.0.0.1:1',
  'http://127.0.0.1:1/path',
  'http://127.0.0.1:1/?query',
])
  test(`${url} is not the address of a service`, async () => {
    await assert.rejects(target(url), /is not of the form/);
  });

for (const host of [
  '203.0.113.9',
  '0.0.0.0',
  '169.254.169.254',
  '3405803785',
  '[::ffff:203.0.113.9]',
  '[2001:db8::1]',
  '[::]',
])
  test(`${host} needs --yes-remote`, async () => {
    await assert.rejects(target(`http://${host}:1`), /Use --yes-remote/);
  });

for (const host of ['127.0.0.1', '2130706433', '0x7f.1', 'localhost'])
  test(`a service on 127.0.0.1 is reached as ${host}`, async (t) => {
    const port = await listening(
      t,
      createServer((_, response) => void response.writeHead(404).end()),
    );
    const { host: address, version } = await target(`http://${host}:${port}`);
    assert.deepEqual([address, version], ['127.0.0.1', undefined]);
  });

test('the version of a service is the one in /health, also of an unhealthy service', async (t) => {
  const server = createServer(({ url }, response) => {
    response.writeHead(503).end(url === '/health' ? '{"status":"down","version":"1.2.3"}' : '{}');
  });
  assert.equal((await target(`http://127.0.0.1:${await listening(t, server)}`)).version, '1.2.3');
});

test('::1 is a loopback address', async () => {
  await assert.rejects(target('http://[::1]:1'), /cannot reach http:\/\/\[::1\]:1: /);
});

test('the first address that answers is used, with the headers and the token', async (t) => {
  let received: unknown[] = [];
  const server = createServer(({ url, headers }, response) => {
    received = [url, headers.host, headers['x-tenant'], headers.authorization];
    response.end();
  });
  const port = await listening(t, server);
  const how = { headers: [['X-Tenant', 'test']], token: 'secret' } as const;
  const address = await firstThatAnswers(`http://name:${port}`, ['::1', '127.0.0.1'], how);
  assert.equal(address, '127.0.0.1');
  assert.deepEqual(received, ['/livez', `name:${port}`, 'test', 'Bearer secret']);
});

test('a refused connection is reported with the reason', async () => {
  await assert.rejects(target('http://127.0.0.1:1'), /^Error: cannot reach .*:1: connection refused$/);
});

test('https to a service without TLS is reported with the hint to use http', async (t) => {
  const port = await listening(t, createServer());
  await assert.rejects(target(`https://127.0.0.1:${port}`), /TLS handshake failed; .* begins with http:$/);
});

test('http to a service with TLS is reported with the hint to use https', async (t) => {
  const [cert, key] = [readFileSync(tlsFile('server')), readFileSync(tlsFile('server', 'key'))];
  const port = await listening(t, createTlsServer({ cert, key }));
  await assert.rejects(target(`http://127.0.0.1:${port}`), /begins with https:$/);
});

for (const scheme of ['http', 'https'])
  test(`a silent port of ${scheme} is reported as such`, async (t) => {
    const port = await listening(
      t,
      createTcpServer((socket) => void socket.on('error', () => {}).resume()),
    );
    const url = `${scheme}://127.0.0.1:${port}`;
    await assert.rejects(target(url), { message: `${url} did not answer within 5000 ms` });
  });
