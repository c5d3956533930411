/** HTTPS and WSS: the certificate, client certificates, and the renewal of both. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { connect } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { JSON_TYPE, pathOf } from '../support/client.ts';
import { pemOf, replaceableFiles, tlsFile } from '../support/tls-files.ts';
import { connectWs } from '../support/ws-client.ts';

const CA = pemOf('authority');
const SERVER = { TLS_CERT_FILE: tlsFile('server'), TLS_KEY_FILE: tlsFile('server', 'key') };
const CLIENT = { cert: pemOf('client'), key: pemOf('client', 'key') };

async function serving(t: TestContext, env: Record<string, string>): Promise<Service> {
  const service = await startService({ standalone: true, env: { ...PATIENT, ...env } });
  t.after(() => service.stop());
  return service;
}

type Answer = { status: number; headers: IncomingHttpHeaders; body: string; peer: string };

async function send(
  { port }: Service,
  path: string,
  options: RequestOptions = {},
  body?: string,
): Promise<Answer> {
  const sent = request({ host: '127.0.0.1', port, path, ca: CA, agent: false, ...options }).end(body);
  const [response] = await once(sent, 'response');
  const peer = (response.socket as TLSSocket).getPeerCertificate().subject.CN as string;
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode!, headers: response.headers, body: text, peer };
}

function write(service: Service, key: string, value: string, options: RequestOptions = {}): Promise<Answer> {
  const headers = { 'content-type': JSON_TYPE };
  return send(service, pathOf(key), { method: 'PUT', headers, ...options }, value);
}

/** Opens a WebSocket and subscribes to a key. */
async function subscribe(service: Service, key: string, options: Partial<typeof CLIENT> = {}) {
  const socket = await connectWs(service, { tls: { ca: CA, ...options } });
  await socket.subscribe({ keys: [key], values: true });
  const updated = async () => (await socket.nextEvent(({ event }) => event === 'update')).value;
  return { socket, updated };
}

/** The names of the protocol and the cipher of a handshake. */
async function handshake({ port }: Service, options: ConnectionOptions) {
  const socket = connectTls({ host: '127.0.0.1', port, ca: CA, ...options });
  try {
    await once(socket, 'secureConnect');
    return { protocol: socket.getProtocol(), cipher: socket.getCipher().name };
  } finally {
    socket.destroy();
  }
}

test('HTTPS and WSS share the port, with a value of any size and a push', async (t) => {
  const service = await serving(t, SERVER);
  const { socket, updated } = await subscribe(service, 'borrow_rate:TLS');
  assert.equal((await write(service, 'borrow_rate:TLS', '0.05')).status, 201);
  assert.equal(await updated(), 0.05);
  const large = JSON.stringify('x'.repeat(900_000));
  assert.equal((await write(service, 'other:TLS', large)).status, 201);
  const read = await send(service, pathOf('other:TLS'));
  assert.equal(read.body, large);
  assert.equal(read.peer, 'server');
  await socket.close();
});

test('a client that sends plain HTTP to the TLS port is disconnected without an answer', async (t) => {
  const service = await serving(t, SERVER);
  const connection = await connect(service.port);
  await connection.send('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await connection.closed;
  await assert.rejects(connection.readResponses(1));
  assert.equal((await send(service, '/livez')).status, 200);
});

test('TLS 1.1 is refused, and TLS_CIPHERS limits the suites of TLS 1.2', async (t) => {
  const TLS_CIPHERS = 'ECDHE-ECDSA-CHACHA20-POLY1305';
  const service = await serving(t, { ...SERVER, TLS_CIPHERS });
  const limitedTo = (version: 'TLSv1.1' | 'TLSv1.2') => ({
    minVersion: version,
    maxVersion: version,
    ciphers: 'ALL:@SECLEVEL=0',
  });
  assert.deepEqual(await handshake(service, limitedTo('TLSv1.2')), {
    protocol: 'TLSv1.2',
    cipher: TLS_CIPHERS,
  });
  await assert.rejects(
    handshake(service, { ...limitedTo('TLSv1.2'), ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }),
  );
  await assert.rejects(handshake(service, limitedTo('TLSv1.1')));
  assert.equal((await handshake(service, {})).protocol, 'TLSv1.3');
});

test('with TLS_CA_FILE, only clients with a certificate of that authority are served', async (t) => {
  const service = await serving(t, { ...SERVER, TLS_CA_FILE: tlsFile('authority') });
  assert.equal((await write(service, 'mutual:A', '1', CLIENT)).status, 201);
  for (const [method, path, body] of [
    ['GET', pathOf('mutual:A')],
    ['HEAD', pathOf('mutual:A')],
    ['PUT', pathOf('mutual:A'), '2'],
    ['DELETE', pathOf('mutual:A')],
    ['POST', '/v1/flush', '{}'],
    ['POST', '/v1/mget', '{"keys":["mutual:A"]}'],
    ['GET', '/v1/keys'],
    ['GET', '/health'],
    ['GET', '/metrics'],
    ['GET', '/nowhere'],
    ['PATCH', pathOf('mutual:A')],
  ] as const) {
    const headers = { 'content-type': JSON_TYPE };
    const { status, body: text } = await send(service, path, { method, headers }, body);
    assert.equal(status, 403, `${method} ${path}`);
    if (method !== 'HEAD') assert.equal(JSON.parse(text).code, 'certificate_required');
  }
  await assert.rejects(subscribe(service, 'mutual:A'), /answered 403/);
  for (const name of ['foreign-client', 'expired'] as const) {
    const refused = { cert: pemOf(name), key: pemOf(name, 'key') };
    await assert.rejects(send(service, pathOf('mutual:A'), refused), name);
  }

  assert.equal((await send(service, pathOf('mutual:A'), CLIENT)).body, '1');
  const { socket } = await subscribe(service, 'mutual:A', CLIENT);
  await socket.close();
});

test('OPS_PORT has no TLS, so that probes need no certificate', async (t) => {
  const env = { ...SERVER, TLS_CA_FILE: tlsFile('authority'), OPS_PORT: '0' };
  const service = await serving(t, env);
  const { ops_port } = await service.waitForLog(({ msg }) => msg === 'listening');
  assert.equal((await fetch(`http://127.0.0.1:${ops_port}/readyz`)).status, 200);
  assert.equal((await send(service, '/readyz', CLIENT)).status, 404);
});

test('a client that resumes a session without its certificate counts as the client of the session', async (t) => {
  const service = await serving(t, { ...SERVER, TLS_CA_FILE: tlsFile('authority') });
  const { port } = service;
  const first = connectTls({ host: '127.0.0.1', port, ca: CA, ...CLIENT });
  const session = once(first, 'session');
  await once(first, 'secureConnect');
  first.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [ticket] = await session;
  first.destroy();
  const again = connectTls({ host: '127.0.0.1', port, ca: CA, session: ticket });
  await once(again, 'secureConnect');
  assert.ok(again.isSessionReused());
  again.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(String((await once(again, 'data'))[0]), /^HTTP\/1\.1 200 /);
  again.destroy();
});

test('a replaced certificate is that of new connections, and open connections stay', async (t) => {
  const files = replaceableFiles(t, 'server');
  const service = await serving(t, files.env);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  await write(service, 'renewal:A', '1', { agent });
  const { socket, updated } = await subscribe(service, 'renewal:A');
  const expiry = async () => {
    const [, seconds] = /^ratecache_tls_certificate_expiry_timestamp_seconds (.*)$/m.exec(
      (await send(service, '/metrics')).body,
    )!;
    const { tls } = JSON.parse((await send(service, '/health')).body);
    assert.equal(Date.parse(tls.certificate_expires_at), Number(seconds) * 1000);
    return Number(seconds);
  };
  const before = await expiry();
  assert.equal(before * 1000, new X509Certificate(pemOf('server')).validToDate.getTime());

  const onOpenConnection = async () => {
    const { status, peer } = await send(service, pathOf('renewal:A'), { agent });
    assert.deepEqual([status, peer], [200, 'server']);
  };
  // The older addon closes a connection that nobody uses for ten seconds.
  const logs = (text: RegExp) =>
    until(
      async () => {
        await onOpenConnection();
        return service.logs.some(({ msg }) => text.test(msg ?? ''));
      },
      { everyMs: 500 },
    );
  files.replace('renewed', 'crt');
  await logs(/cannot be used; the certificate before stays/);
  assert.equal((await send(service, '/livez')).peer, 'server');
  files.replace('renewed', 'key');
  await logs(/^TLS certificate loaded/);

  for (let i = 0; i < 20; i++) assert.equal((await send(service, '/livez')).peer, 'renewed');
  assert.ok((await expiry()) > before);
  await onOpenConnection();
  await write(service, 'renewal:A', '2');
  assert.equal(await updated(), 2);
  assert.equal((await service.stop()).code, 0);
  assert.equal((await socket.closed).code, 1012, 'the socket of before is closed as the others are');
});

test('SIGHUP looks at the files of TLS', async (t) => {
  const files = replaceableFiles(t, 'server');
  const service = await serving(t, files.env);
  files.replace('renewed', 'crt');
  files.replace('renewed', 'key');
  service.kill('SIGHUP');
  await until(async () => (await send(service, '/livez')).peer === 'renewed');
});

test('files that contradict each other or cannot be used end the start with exit code 78', async () => {
  const key = SERVER.TLS_KEY_FILE;
  const cases: [env: Record<string, string>, message: RegExp][] = [
    [
      { TLS_CERT_FILE: SERVER.TLS_CERT_FILE },
      /TLS_KEY_FILE: \(not set\), expected a value with TLS_CERT_FILE/,
    ],
    [{ TLS_KEY_FILE: key }, /TLS_CERT_FILE: \(not set\), expected a value with TLS_KEY_FILE/],
    [{ TLS_CA_FILE: tlsFile('authority') }, /TLS_CA_FILE: .*, expected no value without TLS_CERT_FILE/],
    [{ TLS_CIPHERS: 'ALL' }, /TLS_CIPHERS: "ALL", expected no value without TLS_CERT_FILE/],
    [
      { ...SERVER, TLS_CERT_FILE: '/nowhere.crt' },
      /TLS_CERT_FILE: "\/nowhere.crt", expected a file that can be read/,
    ],
    [{ ...SERVER, TLS_CERT_FILE: key }, /TLS_CERT_FILE: .*, expected a file with a certificate in PEM/],
    [{ ...SERVER, TLS_KEY_FILE: SERVER.TLS_CERT_FILE }, /TLS_KEY_FILE: .*, expected a private key in PEM/],
    [
      { ...SERVER, TLS_KEY_FILE: tlsFile('renewed', 'key') },
      /TLS_KEY_FILE: .*, expected the private key of the first certificate in TLS_CERT_FILE/,
    ],
    [
      { TLS_CERT_FILE: tlsFile('expired'), TLS_KEY_FILE: tlsFile('expired', 'key') },
      /TLS_CERT_FILE: .*, expected a certificate that is valid now; CN=expired expired 20/,
    ],
    [{ ...SERVER, TLS_CA_FILE: key }, /TLS_CA_FILE: .*, expected a file with a certificate in PEM/],
    [{ ...SERVER, TLS_CIPHERS: 'NONSENSE' }, /TLS_CIPHERS: "NONSENSE", expected a cipher suite of TLS 1.2/],
  ];
  for (const [env, message] of cases) {
    const { code, stderr } = await runMain(['serve', '--standalone'], { PORT: '0', ...env });
    assert.match(stderr, message);
    assert.equal(code, 78, stderr);
  }
});

test('a second process cannot take the port of a service with TLS', async (t) => {
  const service = await serving(t, SERVER);
  const { code, stderr } = await runMain(['serve', '--standalone'], {
    ...SERVER,
    PORT: String(service.port),
  });
  assert.equal(code, 1);
  assert.match(stderr, /is the port taken\?/);
});

test('subcommands call a service over https, and NODE_EXTRA_CA_CERTS names its authority', async (t) => {
  const service = await serving(t, SERVER);
  const url = `https://127.0.0.1:${service.port}`;
  const trusted = await runMain(['check', '--url', url], { NODE_EXTRA_CA_CERTS: tlsFile('authority') });
  assert.equal(trusted.code, 0, trusted.stdout);
  const own = { ...SERVER, PORT: String(service.port) };
  const default_ = await runMain(['check'], { ...own, NODE_EXTRA_CA_CERTS: tlsFile('authority') });
  assert.equal(default_.code, 0, default_.stdout);
  const strange = await runMain(['check', '--url', url], {});
  assert.equal(strange.code, 2);
  assert.match(strange.stdout, /certificate/i);
  const plain = await runMain(['check', '--url', url.replace('https:', 'http:')], {});
  assert.equal(plain.code, 2);
  assert.match(plain.stdout, /a service with TLS has a URL that begins with https:/);
});
