import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { connect, type RawConnection } from '../../loadtest/support/raw-http.ts';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { bytesOf, get, jsonOf, post, put, readIntoL1 } from '../support/client.ts';
import { assertProblem, assertRawProblem } from '../support/problem.ts';
import { whileFrozen } from '../support/while-frozen.ts';

const ENDPOINTS = {
  '/v1/cache/some:key': ['GET', 'HEAD', 'PUT', 'DELETE'],
  '/v1/mget': ['POST'],
  '/v1/mset': ['POST'],
  '/v1/mdelete': ['POST'],
  '/v1/invalidate': ['POST'],
  '/v1/cleanup': ['POST'],
  '/v1/flush': ['POST'],
  '/v1/warmup': ['POST'],
  '/v1/keys': ['GET', 'HEAD'],
  '/v1/hot-keys': ['GET', 'HEAD'],
  '/v1/events': ['GET'],
  '/v1/history': ['GET', 'HEAD'],
  '/v1/replicas': ['GET', 'HEAD'],
  '/v1/configuration': ['GET', 'HEAD'],
  '/ui': ['GET', 'HEAD'],
  '/v1/sources': ['GET', 'HEAD'],
  '/v1/sources/ibkr': ['PUT', 'DELETE'],
  '/v1/marks': ['GET', 'HEAD', 'POST'],
  '/v1/marks/0a1b': ['DELETE'],
  '/v1/unmark': ['POST'],
  '/v1/explain/some:key': ['GET', 'HEAD'],
  '/health': ['GET', 'HEAD'],
  '/livez': ['GET', 'HEAD'],
  '/readyz': ['GET', 'HEAD'],
  '/metrics': ['GET', 'HEAD'],
  '/stats': ['GET', 'HEAD'],
};
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'];
const LIMIT = 64 * 1024;

let redis: RedisServer;
let service: Service;

before(async () => {
  redis = await startRedis();
  const limits = ['MAX_VALUE_BYTES', 'MAX_BODY_BYTES', 'MAX_BUFFERED_BODY_BYTES'];
  const env = Object.fromEntries(limits.map((name) => [name, String(LIMIT)]));
  service = await startReplica(redis, {
    ...env,
    REDIS_COMMAND_TIMEOUT_MS: '1000',
  });
});

after(async () => {
  await service?.stop();
  await redis?.stop();
});

test('a path without an endpoint returns 404 for every method', async () => {
  const paths = [
    '/',
    '/v1',
    '/v1/',
    '/v1/cache',
    '/v2/cache/a',
    '/v1/mget/',
    '/healthz',
    '/V1/keys',
    '//v1/keys',
  ];
  for (const path of paths)
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
      await assertProblem(await service.fetch(path, { method }), 'not_found');
});

test('an unsupported method returns 405, and Allow lists the supported methods', async () => {
  for (const [path, allowed] of Object.entries(ENDPOINTS)) {
    for (const method of METHODS) {
      if (allowed.includes(method)) continue;
      const response = await service.fetch(path, { method });
      assert.equal(response.headers.get('allow'), [...allowed, 'OPTIONS'].join(', '), `${method} ${path}`);
      if (method === 'HEAD') assert.equal(response.status, 405);
      else await assertProblem(response, 'method_not_allowed');
    }
  }
});

test('OPTIONS returns 204, Allow lists the supported methods, and no header allows other origins', async () => {
  for (const [path, allowed] of Object.entries({ ...ENDPOINTS, '/v1/ws': ['GET'] })) {
    const preflight = { origin: 'https://other.example', 'access-control-request-method': 'PUT' };
    const response = await service.fetch(path, { method: 'OPTIONS', headers: preflight });
    assert.equal(response.status, 204);
    assert.equal(response.headers.get('allow'), [...allowed, 'OPTIONS'].join(', '), path);
    const names = [...response.headers.keys()];
    assert.ok(!names.some((name) => name.startsWith('access-control-')), `${names}`);
  }
});

test('every answer has nosniff and announces how long its connection stays open', async () => {
  const requests: [path: string, init?: RequestInit][] = [
    ['/livez'],
    ['/metrics'],
    ['/v1/cache/none'],
    ['/nowhere'],
    ['/v1/mget', { method: 'OPTIONS' }],
    ['/v1/flush', { method: 'PUT', body: '1' }],
    ['/v1/cache/nosniff:A', { method: 'PUT', body: '1' }],
    ['/v1/cache/nosniff:A'],
    ['/v1/cache/nosniff:A', { headers: { 'if-none-match': '*' } }],
    ['/v1/cache/nosniff:A', { method: 'HEAD' }],
  ];
  await put(service, 'nosniff:A', '1');
  await readIntoL1(service, 'nosniff:A');
  for (const [path, init] of requests) {
    const { headers } = await service.fetch(path, init);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.match(headers.get('keep-alive') ?? '', /^timeout=\d+$/, path);
  }
});

test('HEAD, where allowed, returns the status and type of GET, and the connection stays open', async (t) => {
  const connection = await open(t);
  for (const [path, allowed] of Object.entries(ENDPOINTS)) {
    if (!allowed.includes('HEAD')) continue;
    const got = await ask(connection, request('GET', path));
    await connection.send(request('HEAD', path));
    const [head] = await connection.readResponses(1, undefined, { head: true });
    assert.equal(head!.status, got.status, path);
    assert.equal(head!.headers['content-type'], got.headers['content-type'], path);
    assert.ok(Number(head!.headers['content-length']) >= 0, path);
  }
});

test('the connection of a request without an endpoint closes after the answer', async (t) => {
  for (const [method, path, status] of [
    ['PUT', '/v1/mget', 405],
    ['POST', '/nowhere', 404],
    ['OPTIONS', '/v1/mget', 204],
    ['CONNECT', '/v1/mget', 405],
    ['get', '/livez', 405],
  ] as const) {
    const connection = await open(t);
    const answer = await ask(connection, request(method, path, 'x'.repeat(5_000)));
    assert.equal(answer.status, status);
    assert.equal(answer.headers.connection, 'close');
    await connection.closed;
  }
});

test('the service skips the body of a rejected request, and the connection stays usable', async (t) => {
  const connection = await open(t);
  const body = 'x'.repeat(5_000);
  const refusals: [request: string, status: number][] = [
    [request('PUT', '/v1/cache/%zz', body), 400],
    [request('PUT', '/v1/cache/a', body, 'Content-Type: text/plain\r\n'), 415],
    [request('POST', '/v1/mget', body, 'Accept: text/html\r\n'), 406],
  ];
  for (const [refused, status] of refusals) {
    assert.equal((await ask(connection, refused)).status, status);
    assert.equal((await ask(connection, request('GET', '/livez'))).status, 200);
  }
});

test('an incomplete body is discarded with its connection, and its memory is released', async () => {
  const half = request('PUT', '/v1/cache/half:A', 'x'.repeat(LIMIT)).slice(0, -1_000);
  for (let i = 0; i < 5; i++) {
    const connection = await connect(service.port);
    await connection.send(half);
    if (i % 2 === 0) connection.end();
    else connection.reset();
    await connection.closed;
  }
  // The budget has no room for two such bodies, so all the memory was released.
  await until(async () => (await put(service, 'half:B', JSON.stringify('y'.repeat(LIMIT - 2)))).ok);
  assert.equal((await get(service, 'half:A')).status, 404);
});

test('a body that exceeds the memory for bodies is rejected with 503, and accepted once memory is free', async (t) => {
  const hoarder = await open(t);
  await hoarder.send(request('PUT', '/v1/cache/room:A', 'x'.repeat(50_000)).slice(0, -1));
  // The second body is sent again until the first has arrived.
  const refused = await until(async () => {
    const connection = await open(t);
    await connection.send(request('PUT', '/v1/cache/room:B', `"${'y'.repeat(30_000)}"`).slice(0, -1));
    const answer = await connection.readResponses(1, 200).catch(() => undefined);
    connection.destroy();
    return answer?.[0];
  });
  assertRawProblem(refused, 'overloaded');
  assert.equal(refused.headers['retry-after'], '1');
  hoarder.destroy();
  await until(async () => (await put(service, 'room:B', `"${'y'.repeat(30_000)}"`)).ok);
});

test('a chunked body over the limit is rejected before it ends, and the connection is closed', async (t) => {
  for (const [path, code] of [
    ['PUT /v1/cache/chunked', 'value_too_large'],
    ['POST /v1/mget', 'body_too_large'],
    ['POST /v1/flush', 'body_too_large'],
  ] as const) {
    const connection = await open(t);
    await connection.send(
      `${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    for (let sent = 0; sent <= LIMIT; sent += 0x4000)
      await connection.send(`4000\r\n${' '.repeat(0x4000)}\r\n`);
    const [response] = await connection.readResponses(1);
    assertRawProblem(response!, code);
    assert.equal(response!.headers.connection, 'close');
    await connection.closed;
  }
});

test('clients that disconnect before the answer do not disturb later requests', async () => {
  const keys = Array.from({ length: 100 }, (_, i) => `away:${i}`);
  await whileFrozen(redis, async () => {
    await Promise.all(
      keys.map(async (key, i) => {
        const connection = await connect(service.port);
        const body = i % 2 === 0 ? '1' : undefined;
        await connection.send(request(body ? 'PUT' : 'GET', `/v1/cache/${key}`, body));
        if (i % 3 === 0) connection.end();
        else if (i % 3 === 1) connection.destroy();
        else connection.reset();
        await connection.closed;
      }),
    );
    assert.equal((await service.fetch('/livez')).status, 200);
  });
  const { results } = await jsonOf(await post(service, '/v1/mget', { keys }));
  assert.equal(results.length, keys.length);
});

test('10,000 pipelined hits in L1 are all answered, in order', async (t) => {
  const entries = Array.from({ length: 100 }, (_, i) => ({ key: `pipe:${i}`, value: { i } }));
  await (await post(service, '/v1/mset', { entries })).text();
  await readIntoL1(service, ...entries.map(({ key }) => key));
  const connection = await open(t);
  const order = Array.from({ length: 10_000 }, (_, i) => (i * 37) % 100);
  // Not awaited: the kernel may accept the last bytes only after answers have been read.
  const sent = connection.send(order.map((i) => request('GET', `/v1/cache/pipe:${i}`)).join(''));
  const responses = await connection.readResponses(order.length, 60_000);
  await sent;
  for (const [i, { status, body }] of responses.entries()) {
    assert.equal(status, 200);
    assert.equal(body.toString(), `{"i":${order[i]}}`);
  }
});

test('a request pipelined behind one that waits for Redis closes the connection, and all its answers are lost', async (t) => {
  await put(service, 'behind:HIT', '1');
  await readIntoL1(service, 'behind:HIT');
  const hit = request('GET', '/v1/cache/behind:HIT');
  const waiting = [
    request('GET', '/v1/cache/behind:MISS'),
    request('PUT', '/v1/cache/behind:PUT', '1'),
    request('POST', '/v1/mget', '{"keys":["behind:COLD"]}'),
  ];
  for (const first of waiting) {
    const connection = await open(t);
    await connection.send(hit + first + hit);
    await connection.closed;
    await assert.rejects(connection.readResponses(1), /ended after 0 of 1/);
    // Sent one after the other, each is answered on one connection.
    const patient = await open(t);
    for (const one of [hit, first, hit]) assert.ok((await ask(patient, one)).status < 500);
  }
});

test('the service answers while 1,000 connections are opened and dropped', async () => {
  const starts = [
    '',
    'G',
    'GET /livez HTTP/1.1\r\nHost:',
    request('GET', '/livez'),
    request('PUT', '/v1/cache/drop', '12345').slice(0, -2),
  ];
  for (let round = 0; round < 10; round++) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const connection = await connect(service.port);
        const start = starts[i % starts.length]!;
        if (start !== '') await connection.send(start);
        if (i % 2 === 0) connection.destroy();
        else connection.reset();
        await connection.closed;
      }),
    );
    assert.equal((await service.fetch('/livez')).status, 200);
  }
});

test('the service survives arbitrary bytes on its port', async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .constantFrom(
        ...[
          'GET ',
          'PUT ',
          'POST ',
          'HEAD ',
          '/v1/cache/',
          '/v1/mget',
          '/v1/keys?',
          'cursor=',
          '%',
          ' HTTP/1.1\r\n',
          'HTTP/1.0',
        ],
        ...[
          'Host: x\r\n',
          'Content-Length: ',
          '18446744073709551616',
          '5',
          '\r\n',
          '\r\n\r\n',
          '\n',
          '\0',
          ': ',
          ';',
        ],
        ...[
          'Transfer-Encoding: chunked\r\n',
          'Expect: 100-continue\r\n',
          'Upgrade: websocket\r\n',
          'Connection: close\r\n',
        ],
        ...[
          'If-None-Match: ',
          'Accept: ',
          'application/json',
          ';q=',
          'x'.repeat(5_000),
          '{"keys":[',
          '"\\ud800"',
          'ffffffffffffffff\r\n',
        ],
      )
      .map((text) => Buffer.from(text)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      async (pieces, reset) => {
        const connection = await connect(service.port);
        // The service may close the connection before it has read everything.
        await connection.send(Buffer.concat(pieces)).catch(() => undefined);
        if (reset) connection.reset();
        else connection.end();
        await connection.closed;
        const response = await service.fetch('/livez');
        assert.equal(response.status, 200);
        await response.text();
      },
    ),
    { numRuns: 400 },
  );
});

test('arbitrary paths, queries and headers return a documented status', async (t) => {
  const connection = await open(t);
  const token = fc.string({ unit: 'grapheme', maxLength: 30 });
  const encoded = token.map((text) => encodeURIComponent(text.toWellFormed()));
  const header = token.map((text) => text.replace(/[^\x21-\x7e]/g, '') || 'x');
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(
        '/v1/cache/',
        '/v1/keys?pattern=',
        '/v1/keys?type=',
        '/v1/keys?limit=',
        '/v1/keys?cursor=',
      ),
      encoded,
      header,
      header,
      async (path, text, accept, ifNoneMatch) => {
        const more = `Accept: ${accept}\r\nIf-None-Match: ${ifNoneMatch}\r\n`;
        const { status, headers } = await ask(connection, request('GET', path + text, undefined, more));
        assert.ok([200, 400, 404, 406].includes(status), `${status}`);
        assert.match(headers['content-type']!, /json$|msgpack$/);
      },
    ),
    { numRuns: 300 },
  );
});

test('a standalone service rejects warmup with the code standalone', async (t) => {
  const alone = await startService({ standalone: true, env: PATIENT });
  t.after(() => alone.stop());
  await assertProblem(await post(alone, '/v1/warmup'), 'standalone');
});

test('while Redis is unreachable, changes are pending and operations that need Redis are rejected', async (t) => {
  const strict = await startReplica(redis, { PENDING_WRITES_MAX_ENTRIES: '0' });
  t.after(() => strict.stop());
  const invalidation = { keys: ['gone:B', 'gone:C'], types: ['volatility'], pattern: 'gone:*' };
  await redis.signal('SIGKILL');

  const kept = await until(async () => {
    const response = await put(service, 'gone:A', '1');
    return (await response.clone().text()).includes('l2_unavailable') ? response : undefined;
  });
  assert.equal(kept.status, 202);
  const invalidated = await post(service, '/v1/invalidate', invalidation);
  assert.equal(invalidated.status, 202);
  // Two keys, a type and a pattern.
  assert.deepEqual(await jsonOf(invalidated), { invalidated: 0, postponed: 4 });
  const flushed = await post(service, '/v1/flush');
  assert.equal(flushed.status, 202);
  const { flushed: tiers, postponed } = await jsonOf(flushed);
  assert.deepEqual([tiers.redis, postponed], [0, 1]);
  assert.equal((await post(service, '/v1/flush', { tier: 'local' })).status, 200);
  await assertProblem(await post(service, '/v1/warmup'), 'l2_unavailable');
  await assertProblem(await service.fetch('/v1/keys'), 'l2_unavailable');
  assert.ok((await bytesOf(await service.fetch('/livez'))).length > 0);

  await until(async () => (await jsonOf(await put(strict, 'gone:A', '1'))).code === 'l2_unavailable');
  await assertProblem(await put(strict, 'gone:A', '1'), 'l2_unavailable');
  for (const path of ['/v1/invalidate', '/v1/flush', '/v1/warmup'])
    await assertProblem(
      await post(strict, path, path === '/v1/invalidate' ? { pattern: '*' } : {}),
      'l2_unavailable',
    );
  await assertProblem(await strict.fetch('/v1/keys'), 'l2_unavailable');

  await redis.restart();
  await until(async () => (await jsonOf(await service.fetch('/health'))).pending_writes.entries === 0);
});

function request(method: string, path: string, body?: string, headers = ''): string {
  const length =
    body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: x\r\n${headers}${length}\r\n${body ?? ''}`;
}

async function ask(connection: RawConnection, text: string) {
  await connection.send(text);
  const [response] = await connection.readResponses(1);
  return response!;
}

async function open(t: { after(step: () => void): void }): Promise<RawConnection> {
  const connection = await connect(service.port);
  t.after(() => connection.destroy());
  return connection;
}
