/**
 * Requests whose end two parsers may see at different bytes. `NEXT` stands for a request that a client hides in another one:
 * it must never be executed, so the value `CANARY` must survive each input.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { after, before, test } from 'node:test';
import { connect, type RawConnection, type RawResponse } from '../../loadtest/support/raw-http.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { framingOf } from '../../src/http/framing.ts';
import { get, put, readIntoL1 } from '../support/client.ts';
import { byNewerAddon } from '../support/newer-addon.ts';
import { assertRawProblem } from '../support/problem.ts';

const CANARY = 'framing:CANARY';
const NEXT = 'POST /v1/flush HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n';
const PUT = 'PUT /v1/cache/framing:A HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
const CHUNKED = `${PUT}Transfer-Encoding: chunked\r\n\r\n`;
const GET = `GET /v1/cache/${CANARY} HTTP/1.1\r\nHost: a\r\n`;
/** Larger than what the kernel takes for a client that does not read. */
const LARGE = 'a'.repeat(24 * 1024 * 1024);
const LARGE_KEY = 'framing:LARGE';
const ROOM = String(2 * LARGE.length);
const ENV = {
  ALLOWED_HOSTS: 'a',
  MAX_VALUE_BYTES: ROOM,
  MAX_BODY_BYTES: ROOM,
  MAX_BUFFERED_BODY_BYTES: ROOM,
};
const LENGTH = `Content-Length: ${NEXT.length}\r\n`;
/** The values outlive the tests on a slow machine. */
const LASTING = { query: '?ttl=3600' };

let redis: RedisServer;
const services: Service[] = [];
before(async () => {
  redis = await startRedis();
  services.push(
    await startReplica(redis, ENV),
    await startService({ standalone: true, env: { ...PATIENT, ...ENV } }),
  );
  for (const service of services) {
    assert.equal((await put(service, CANARY, '1', LASTING)).status, 201);
    assert.equal((await put(service, LARGE_KEY, `"${LARGE}"`, LASTING)).status, 201);
    await readIntoL1(service, CANARY, LARGE_KEY);
  }
});
after(async () => {
  for (const service of services) await service.stop();
  await redis?.stop();
});

type Row = readonly [name: string, input: string, code?: ErrorCode | undefined];

/** 400 or 501, the connection closed, and nothing executed. */
const REFUSED: readonly Row[] = [
  ['two Content-Length lines', `${PUT}Content-Length: 0\r\n${LENGTH}\r\n${NEXT}`],
  ['two equal Content-Length lines', `${PUT}Content-Length: 1\r\nContent-Length: 1\r\n\r\n1${NEXT}`],
  ['an empty Content-Length', `${PUT}Content-Length:\r\n\r\n${NEXT}`],
  ['a list as Content-Length', `${PUT}Content-Length: 1, 1\r\n\r\n1${NEXT}`],
  ['a sign in Content-Length', `${PUT}Content-Length: +1\r\n\r\n1${NEXT}`],
  ['a Content-Length of 20 digits', `${PUT}Content-Length: 18446744073709551617\r\n\r\n1${NEXT}`],
  ['a header line with a value only before its Content-Length', `${PUT}: x\r\n${LENGTH}\r\n${NEXT}`],
  ['a header line with a colon only before its Content-Length', `${PUT}:\r\n${LENGTH}\r\n${NEXT}`],
  ['no length, as a PUT', `${PUT}\r\n${NEXT}`],
  ['an empty size of the first chunk', `${CHUNKED}\r\n${NEXT}`],
  ['a space before the size of a chunk', `${CHUNKED} 2\r\n11\r\n0\r\n\r\n${NEXT}`],
  ...['identity', 'xchunked', 'gzip, chunked', 'chunked, gzip', '"chunked"', 'Chunked'].map(
    (coding) =>
      [
        `Transfer-Encoding: ${coding}`,
        `${PUT}Transfer-Encoding: ${coding}\r\n\r\n1\r\n1\r\n0\r\n\r\n${NEXT}`,
        'transfer_coding_unsupported',
      ] as const,
  ),
  [
    'two Transfer-Encoding lines',
    `${PUT}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n1\r\n1\r\n0\r\n\r\n${NEXT}`,
    'transfer_coding_unsupported',
  ],
  ['an empty Transfer-Encoding', `${PUT}Transfer-Encoding:\r\nContent-Length: 1\r\n\r\n1${NEXT}`],
  ...[
    'GET /livez',
    'GET /health',
    'HEAD /health',
    'GET /v1/keys',
    'GET /v1/cache/framing:MISS',
    'GET /v1/cache/%zz',
    `GET /v1/cache/${CANARY}?fallback=no`.replace(CANARY, 'framing:MISS'),
    `HEAD /v1/cache/${CANARY}`,
    'DELETE /v1/cache/framing:MISS',
    'OPTIONS /livez',
  ].map(
    (line) =>
      [
        `an empty Content-Length, as ${line}`,
        `${line} HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n${NEXT}`,
      ] as const,
  ),
  ['an empty method', ` /livez HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`],
  ['GET with two Content-Length lines', `${GET}Content-Length: 0\r\n${LENGTH}\r\n${NEXT}`],
  [
    'a path without an endpoint and two Content-Length lines',
    `PUT /no${PUT.slice(4)}Content-Length: 0\r\n${LENGTH}\r\n${NEXT}`,
  ],
  ...['a b', 'a/b', 'a@b', '[a', 'a:b', 'a\xe9b'].map(
    (host) =>
      [`Host: ${host}`, `${PUT.replace(' a\r', ` ${host}\r`)}Content-Length: 1\r\n\r\n1${NEXT}`] as const,
  ),
];
for (const [name, input, code = 'bad_request'] of REFUSED)
  test(`a request with ${name} is refused, and nothing after it is executed`, () =>
    onEach(async (connection) => {
      await connection.send(Buffer.from(input, 'latin1'));
      const [answer] = await untilClosed(connection, 1);
      assertRawProblem(answer!, code, JSON.parse(answer!.body.toString()).field);
      assert.equal(answer!.headers.connection, 'close');
    }));

/** The addon refuses these. */
const REFUSED_BY_ADDON: readonly Row[] = [
  [
    'Transfer-Encoding and Content-Length',
    `${PUT}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${NEXT}`,
  ],
  ['no Host', `PUT /v1/cache/framing:A HTTP/1.1\r\nContent-Length: 1\r\n\r\n1${NEXT}`],
  ...['g', '@', '+2', '0x2'].map(
    (size) => [`the chunk size ${size}`, `${CHUNKED}${size}\r\n11\r\n0\r\n\r\n${NEXT}`] as const,
  ),
];
for (const [name, input] of REFUSED_BY_ADDON)
  test(`a request with ${name} gets 400 of the addon, and nothing after it is executed`, () =>
    onEach(async (connection) => {
      await connection.send(input);
      const [answer] = await untilClosed(connection, 1);
      assert.equal(answer!.status, 400);
    }));

/** A line without a name, which hides the line after it. */
const HIDDEN = `: x\r\n${LENGTH}`;

/** uWS reads `NEXT` as a request. It closes the connection, because the request before has no answer yet. */
const CUT: readonly (readonly [name: string, input: string, status?: number])[] = [
  ['a trailer that contains a request', `${CHUNKED}2\r\n11\r\n0\r\nX:${NEXT}`],
  ['a last chunk that does not end', `${CHUNKED}2\r\n11\r\n0\r\nXX${NEXT}`],
  ['chunk data that does not end with CRLF', `${CHUNKED}2\r\n11XX0\r\n\r\n${NEXT}`],
  ['a GET with Connection: close and a request after it', `${GET}Connection: close\r\n\r\n${NEXT}`],
  [
    'a PUT with Connection: close and a request after it',
    `${PUT}Connection: close\r\nContent-Length: 1\r\n\r\n1${NEXT}`,
  ],
  [
    'a POST without a length and a request after it',
    `POST /v1/cleanup HTTP/1.1\r\nHost: a\r\n${HIDDEN}\r\n${NEXT}`,
  ],
  [
    'a POST with Content-Length: 0 before a hidden length',
    `POST /v1/cleanup HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n${HIDDEN}\r\n${NEXT}`,
  ],
  ['OPTIONS with a hidden length', `OPTIONS /v1/mset HTTP/1.1\r\nHost: a\r\n${HIDDEN}\r\n${NEXT}`],
  ...['PUT', 'CONNECT', 'get', 'GET'].map(
    (method) =>
      [
        `${method} of a path without this method, with a hidden length,`,
        `${method} /v1/mset HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n${HIDDEN}\r\n${NEXT}`,
        405,
      ] as const,
  ),
  ['an unknown path with a hidden length', `GET /no HTTP/1.1\r\nHost: a\r\n${HIDDEN}\r\n${NEXT}`, 404],
];
for (const [name, input] of CUT)
  test(`with either addon, ${name} in one segment closes the connection without an answer, and the request is not executed`, () =>
    onEach(async (connection) => {
      await connection.send(input);
      await untilClosed(connection, 0);
    }));

for (const [name, input, status] of CUT)
  test(`${name} in a later segment gets one answer, and the request is not executed`, () =>
    onEach(async (connection) => {
      const start = input.length - NEXT.length;
      await connection.send(input.slice(0, start));
      const [answer] = await connection.readResponses(1);
      if (status === undefined) assert.ok(answer!.status < 300, `${answer!.status}`);
      else assert.equal(answer!.status, status);
      await connection.send(input.slice(start)).catch(() => undefined);
      await untilClosed(connection, 0);
    }));

test('a chunked value is stored, and its connection closes after the answer', () =>
  onEach(async (connection, service) => {
    await connection.send(`${PUT}Transfer-Encoding: chunked\r\n\r\n`.replace('framing:A', 'framing:CHUNKED'));
    await connection.send('2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n');
    const [answer] = await untilClosed(connection, 1);
    assert.ok([201, 204].includes(answer!.status), `${answer!.status}`);
    assert.equal(await (await get(service, 'framing:CHUNKED')).text(), '[1,2]');
  }));

for (const [name, request] of [
  ['a chunked request', mgetInChunks(LARGE_KEY)],
  ['a request with Connection: close', `${GET.replace(CANARY, LARGE_KEY)}Connection: close\r\n\r\n`],
] as const) {
  test(`the connection of ${name} closes after an answer that is larger than the buffers of both sides`, () =>
    onEach(async (connection) => {
      await connection.send(request);
      const [answer] = await untilClosed(connection, 1);
      assert.equal(answer!.status, 200);
      assert.ok(answer!.body.includes(LARGE), `${answer!.body.length} bytes`);
    }));

  test(`a request that follows ${name} before its large answer is read is not executed`, () =>
    onEach(async (_, { port }) => {
      const socket = connectTcp({ port, host: '127.0.0.1', noDelay: true });
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.on('error', () => {});
      socket.write(request);
      await once(socket, 'readable');
      socket.write(NEXT);
      socket.resume();
      await closed;
    }));
}

test('a trailer that is no request closes the connection, and later connections work', () =>
  onEach(async (connection, service) => {
    await connection.send(`${CHUNKED}2\r\n11\r\n0\r\nX-T: 1\r\n\r\n`);
    await connection.closed;
    assert.equal((await service.fetch('/livez')).status, 200);
  }));

test('with either addon, a chunk extension is misread: the request gets no answer, and what follows is not executed', () =>
  onEach(async (connection) => {
    await connection.send(`${CHUNKED}2;a=b\r\n11\r\n0\r\n\r\n${NEXT}`);
    connection.end();
    await untilClosed(connection, 0);
  }));

test('a GET with a body that is a request gets its own answer, and the body is skipped', () =>
  onEach(async (connection) => {
    await connection.send(`${GET}${LENGTH}\r\n${NEXT}${GET}\r\n`);
    for (const { status, body } of await connection.readResponses(2))
      assert.deepEqual([status, body.toString()], [200, '1']);
  }));

for (const host of ['a b', 'a/b', 'a\xe9b'])
  test(`GET /v1/keys with Host: ${host} gets 400 of a service without tokens`, () =>
    onEach(async (connection) => {
      await connection.send(Buffer.from(`GET /v1/keys HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 'latin1'));
      assertRawProblem((await connection.readResponses(1))[0]!, 'bad_request', 'Host');
    }));

test('hits that are pipelined before a refused request get their answers', () =>
  onEach(async (connection) => {
    await connection.send(`${`${GET}\r\n`.repeat(100)}${PUT}Content-Length: 0\r\n${LENGTH}\r\n${NEXT}`);
    const answers = await untilClosed(connection, 101);
    assert.deepEqual([...new Set(answers.slice(0, 100).map(({ status }) => status))], [200]);
    assertRawProblem(answers[100]!, 'bad_request', 'Content-Length');
  }));

for (const [name, lines] of [
  ['keep-alive', ['Connection: keep-alive']],
  ['Keep-Alive and another option', ['Connection: Keep-Alive, x']],
  ['Content-Length: 0', ['Content-Length: 0']],
] as const)
  test(`a GET with ${name} keeps its connection`, () =>
    onEach(async (connection) => {
      for (let i = 0; i < 3; i++) {
        await connection.send(`${GET}${lines.join('\r\n')}\r\n\r\n`);
        assert.equal((await connection.readResponses(1))[0]!.status, 200);
      }
    }));

for (const [name, head] of [
  ['two Host lines', 'Host: a\r\nHost: a\r\n'],
  ['a space before a colon', 'Host: a\r\nX : y\r\n'],
  ['a folded line', 'Host: a\r\nX: y\r\n z\r\n'],
  ['NUL in a value', 'Host: a\r\nX: y\0z\r\n'],
  ['a bad field name', 'Host: a\r\nX(: y\r\n'],
] as const)
  byNewerAddon(`a write with ${name} gets 400 at once, and nothing after it is executed`, () =>
    onEach(async (connection) => {
      await connection.send(`PUT /v1/cache/framing:A HTTP/1.1\r\n${head}Content-Length: 1\r\n\r\n1${NEXT}`);
      assert.equal((await untilClosed(connection, 1))[0]!.status, 400);
    }),
  );

test('two Host lines of a write get 400 with the older addon too', () => {
  const forEach = (each: (name: string, value: string) => void) => {
    for (const host of ['a', 'a']) each('host', host);
  };
  const framing = framingOf({ forEach }, 'required');
  assert.ok(typeof framing === 'object' && framing.code === 'bad_request' && framing.field === 'Host');
});

/** Runs against a service with Redis, and against one without, which answers earlier. */
async function onEach(check: (connection: RawConnection, service: Service) => Promise<void>): Promise<void> {
  for (const service of services) {
    const connection = await connect(service.port);
    try {
      await check(connection, service);
    } finally {
      connection.destroy();
    }
    const canary = await get(service, CANARY);
    assert.equal(canary.status, 200);
    assert.equal(await canary.text(), '1');
  }
}

/** All answers until the service closes the connection. */
async function untilClosed(connection: RawConnection, count: number): Promise<RawResponse[]> {
  const answers = count === 0 ? [] : await connection.readResponses(count);
  await connection.closed;
  await assert.rejects(connection.readResponses(1), /the connection ended after 0 of 1/);
  return answers;
}

function mgetInChunks(key: string): string {
  const body = JSON.stringify({ keys: [key] });
  return `POST /v1/mget HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}
