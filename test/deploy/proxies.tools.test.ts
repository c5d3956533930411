/** The shipped configurations of nginx and HAProxy, in front of a real service. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { tether } from '../../loadtest/target/tether.ts';
import { jsonOf, pathOf, post, put } from '../support/client.ts';
import { connectWs } from '../support/ws-client.ts';

/** Each proxy with its file, and its command line for a copy of the file. */
const PROXIES = {
  nginx: {
    file: 'nginx.conf',
    args: (file: string, directory: string) => [
      '-p',
      directory,
      '-c',
      file,
      '-e',
      'stderr',
      '-g',
      `daemon off; pid ${directory}/pid;`,
    ],
  },
  haproxy: { file: 'haproxy.cfg', args: (file: string) => ['-db', '-f', file] },
} as const;
type Proxy = keyof typeof PROXIES;

async function startProxy(t: TestContext, name: Proxy, service: Service): Promise<Service> {
  const { file, args } = PROXIES[name];
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'ratecache-proxy-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const shipped = readFileSync(new URL(`../../deploy/proxy/${file}`, import.meta.url), 'utf8');
  const path = join(directory, file);
  const used = shipped
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('127.0.0.1:8000', `127.0.0.1:${service.port}`);
  // The access log of nginx is in a directory that may not exist; the user of its workers need not exist either.
  writeFileSync(path, name === 'nginx' ? used.replace('http {', 'http {\n  access_log off;') : used);
  const child = spawn(name, args(path, directory), {
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  tether(child);
  t.after(() => stop(child));
  const url = `http://127.0.0.1:${port}`;
  const proxy = { ...service, url, port, fetch: (to: string, init?: RequestInit) => fetch(url + to, init) };
  await until(async () => (await proxy.fetch('/readyz').catch(() => undefined))?.status === 200);
  return proxy;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

async function start(t: TestContext, name: Proxy): Promise<{ service: Service; proxy: Service }> {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  return { service, proxy: await startProxy(t, name, service) };
}

const metric = async (service: Service, line: string) =>
  Number(new RegExp(`^${line} (.*)$`, 'm').exec(await (await service.fetch('/metrics')).text())?.[1] ?? 0);

for (const name of Object.keys(PROXIES) as Proxy[]) {
  test(`${name} passes values, batches, conditions and keys with a slash on unchanged`, async (t) => {
    const { service, proxy } = await start(t, name);
    const written = await put(proxy, 'proxy:a/b %', '{"rate": 0.05}');
    assert.equal(written.status, 201);
    for (const at of [proxy, service]) {
      const response = await at.fetch(pathOf('proxy:a/b %'));
      assert.equal(await response.text(), '{"rate": 0.05}');
      assert.equal(response.headers.get('etag'), written.headers.get('etag'));
    }
    const headers = { 'if-none-match': written.headers.get('etag')! };
    assert.equal((await proxy.fetch(pathOf('proxy:a/b %'), { headers })).status, 304);
    const { results } = await jsonOf(await post(proxy, '/v1/mget', { keys: ['proxy:a/b %'] }));
    assert.deepEqual(results[0].value, { rate: 0.05 });
    const removed = await proxy.fetch(pathOf('proxy:a/b %'), { method: 'DELETE' });
    assert.equal(removed.status, 204);
  });

  test(`${name} passes a WebSocket with its pushes on`, async (t) => {
    const { service, proxy } = await start(t, name);
    const socket = await connectWs(proxy);
    t.after(() => socket.close());
    await socket.subscribe({ keys: ['proxy:PUSH'], values: true });
    await put(service, 'proxy:PUSH', '0.25');
    assert.equal((await socket.nextEvent(({ event }) => event === 'update')).value, 0.25);
  });

  test(`${name} passes a value of 1 MiB on in both directions, also compressed`, async (t) => {
    const { proxy } = await start(t, name);
    const large = JSON.stringify('x'.repeat(1024 * 1024 - 2));
    assert.equal((await put(proxy, 'proxy:LARGE', large)).status, 201);
    for (const coding of ['identity', 'gzip']) {
      const response = await proxy.fetch(pathOf('proxy:LARGE'), { headers: { 'accept-encoding': coding } });
      assert.equal(await response.text(), large);
    }
  });

  test(`${name} keeps the connections of clients, and uses its own to the service again`, async (t) => {
    const { service, proxy } = await start(t, name);
    await put(proxy, 'proxy:KEPT', '1');
    const request = `GET ${pathOf('proxy:KEPT')} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
    const client = await connect(proxy.port);
    t.after(() => client.destroy());
    const before = await connectionsOf(service);
    for (let i = 0; i < 50; i++) {
      await client.send(request);
      const [response] = await client.readResponses(1);
      assert.equal(response!.status, 200);
    }
    assert.ok((await connectionsOf(service)) - before < 10, 'connections for 50 requests');
  });

  test(`${name} passes no request on that the service cannot check`, async (t) => {
    const { service, proxy } = await start(t, name);
    await put(service, 'proxy:CANARY', '1');
    await put(service, 'proxy:HIT', '1');
    const hidden = `DELETE ${pathOf('proxy:CANARY')} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
    const length = `Content-Length: ${hidden.length}\r\n`;
    for (const lines of [`: x\r\n${length}`, `:\r\n${length}`, 'Content-Length:\r\n'])
      for (const method of ['GET', 'DELETE', 'POST']) {
        const client = await connect(proxy.port);
        t.after(() => client.destroy());
        await client.send(
          `${method} ${pathOf('proxy:HIT')} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines}\r\n${hidden}`,
        );
        const [answer] = await client.readResponses(1);
        assert.equal(answer!.status, 400, JSON.stringify(lines));
        await client.closed;
      }
    assert.equal(await (await service.fetch(pathOf('proxy:CANARY'))).text(), '1');
  });

  test(`${name} does not occupy the service with a client that sends its body slowly`, async (t) => {
    const { service, proxy } = await start(t, name);
    const slow = await connect(proxy.port);
    t.after(() => slow.destroy());
    const head = `PUT ${pathOf('proxy:SLOW')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
    await slow.send(`${head}Content-Length: 4\r\n\r\n12`);
    // Requests of others go on, and the service has no open request besides that for its metrics.
    assert.equal((await put(proxy, 'proxy:OTHER', '1')).status, 201);
    assert.equal(await metric(service, 'ratecache_http_open_requests'), 1);
    await slow.send('34');
    const [response] = await slow.readResponses(1);
    assert.equal(response!.status, 201);
    assert.equal(await (await service.fetch(pathOf('proxy:SLOW'))).text(), '1234');
  });
}

test('haproxy sends no requests to a service that is stopping, and that still answers', async (t) => {
  const env = { ...PATIENT, SHUTDOWN_GRACE_MS: '600000' };
  const service = await startService({ standalone: true, env });
  t.after(() => service.stop('SIGKILL'));
  const proxy = await startProxy(t, 'haproxy', service);
  service.kill('SIGTERM');
  await until(async () => (await proxy.fetch('/livez')).status === 503);
  assert.equal((await service.fetch('/livez')).status, 200);
});

/** How many TCP connections to the port of the service exist, closed ones that linger included. */
async function connectionsOf({ port }: Service): Promise<number> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => line.trim().split(/\s+/)[2]?.endsWith(suffix)).length;
}
