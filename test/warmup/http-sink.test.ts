import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { httpSink } from '../../src/warmup/http-sink.ts';
import { load } from '../../src/warmup/load.ts';
import { openSource } from '../../src/warmup/source.ts';

const BATCH = [
  { key: 'borrow_rate:A "B"', json: '{"n":12345678901234567890,"z":-0}' },
  { key: 'k:é', json: '[1e2]', ttlMs: 1005 },
];

test('a batch is posted to /v1/mset with the exact text of each value', async (t) => {
  let seen:
    | { method?: string | undefined; url?: string | undefined; type?: string | undefined; body: string }
    | undefined;
  const url = await serve(t, async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    seen = { method: request.method, url: request.url, type: request.headers['content-type'], body };
    response.end(
      JSON.stringify({ results: BATCH.map(({ key }) => ({ key, status: 'stored', version: '1' })) }),
    );
  });
  assert.deepEqual(await httpSink(`${url}/`).write(BATCH), [{ status: 'stored' }, { status: 'stored' }]);
  assert.deepEqual(seen, {
    method: 'POST',
    url: '/v1/mset',
    type: 'application/json',
    body:
      '{"entries":[{"key":"borrow_rate:A \\"B\\"","value":{"n":12345678901234567890,"z":-0}},' +
      '{"key":"k:é","value":[1e2],"ttl":1.005}]}',
  });
});

test('a record with asOf is sent with ifNewer, and source', async (t) => {
  const seen: string[] = [];
  const url = await serve(t, async (request, response) => {
    for await (const chunk of request) seen.push(String(chunk));
    response.setHeader('content-type', 'application/json').end('{"results":[{"key":"k","status":"stored"}]}');
  });
  await httpSink(url).write([{ key: 'k', json: '1', ttlMs: 1500, asOf: 1_506_514_800_250, source: 'ibkr' }]);
  assert.equal(
    seen.join(''),
    '{"entries":[{"key":"k","value":1,"ttl":1.5,"asOf":1506514800250,"ifNewer":true,"source":"ibkr"}]}',
  );
});

test('each result has its own outcome', async (t) => {
  const url = await serve(t, answer(200, { results: outcomesOf(['stored', 'newer', 'error', 'odd']) }));
  assert.deepEqual(await httpSink(url).write(batchOf(4)), [
    { status: 'stored' },
    { status: 'kept' },
    { status: 'error', reason: 'value_too_large' },
    { status: 'error', reason: 'status odd' },
  ]);
});

test('a record that the service accepted and Redis has not confirmed is pending', async (t) => {
  const results = [
    { key: 'k0', status: 'stored', version: '1', code: 'l2_unavailable' },
    { key: 'k1', status: 'stored', version: '1', code: 'write_unknown' },
    { key: 'k2', status: 'error', code: 'pending_writes_full', detail: 'the pending writes are full' },
  ];
  const url = await serve(t, answer(200, { results }));
  assert.deepEqual(await httpSink(url).write(batchOf(3)), [
    { status: 'pending', reason: 'l2_unavailable' },
    { status: 'pending', reason: 'write_unknown' },
    { status: 'error', reason: 'pending_writes_full: the pending writes are full' },
  ]);
});

test('a problem+json answer is an error with its code and detail', async (t) => {
  const problem = { title: 'Too large', status: 413, code: 'body_too_large', detail: 'over 16 MiB' };
  const url = await serve(t, answer(413, problem, 'application/problem+json'));
  await rejects(httpSink(url).write(BATCH), `${url} answered 413 body_too_large: over 16 MiB`);
});

test('an error answer other than problem+json is reported with its status', async (t) => {
  const url = await serve(t, (_, response) => response.writeHead(502).end('<html>Bad gateway</html>'));
  await rejects(httpSink(url).write(BATCH), `${url} answered 502`);
});

test('a refused connection is reported', async () => {
  const url = await nobodyListens();
  await rejects(httpSink(url).write(BATCH), `cannot reach ${url}: connection refused`);
});

test('a connection that closes without an answer is reported', async (t) => {
  const url = await serve(t, (request) => request.socket.destroy());
  await assert.rejects(
    httpSink(url).write(BATCH),
    /^Error: cannot reach .*: the connection was (closed|reset); a service with TLS has a URL that begins with https:$/,
  );
});

test('a request to a hanging service fails after the timeout', async (t) => {
  const url = await serve(t, () => {});
  await rejects(httpSink(url, { timeoutMs: 50 }).write(BATCH), `${url} did not answer within 50 ms`);
});

test('an abort ends the request', async (t) => {
  const abort = new AbortController();
  const url = await serve(t, () => abort.abort());
  await assert.rejects(httpSink(url).write(BATCH, abort.signal), /aborted/);
});

test('an answer that does not match the request is an error', async (t) => {
  const bodies: [body: unknown, message: RegExp][] = [
    [{ ok: true }, /answered without "results": check the URL$/],
    [null, /answered without "results"/],
    [{ results: [] }, /answered 0 results for 2 entries$/],
    [{ results: outcomesOf(['stored', 'stored']).reverse() }, /that are not in the order of the entries$/],
  ];
  for (const [body, message] of bodies) {
    const url = await serve(t, answer(200, body));
    await assert.rejects(httpSink(url).write(batchOf(2)), message);
  }
});

test('the broker file loads through the service', async (t) => {
  const stored = new Map<string, unknown>();
  const url = await serve(t, async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { entries } = JSON.parse(body) as { entries: { key: string; value: unknown }[] };
    for (const { key, value } of entries) stored.set(key, value);
    response.end(JSON.stringify({ results: entries.map(({ key }) => ({ key, status: 'stored' })) }));
  });
  const path = fileURLToPath(new URL('../data/ibkr-usa-2017-09-27.txt', import.meta.url));
  const summary = await load(await openSource(path), httpSink(url), { batchSize: 5 });
  assert.deepEqual([summary.stored, summary.failed, summary.faultCount], [22, 0, 0]);
  assert.equal(stored.size, 22);
  assert.equal((stored.get('borrow_rate:ZYNE') as { fee_rate: number }).fee_rate, 0.16659);
});

test('a service that is down rejects a load with one reason', async () => {
  const url = await nobodyListens();
  const path = fileURLToPath(new URL('../data/ibkr-usa-2017-09-27.txt', import.meta.url));
  await rejects(
    load(await openSource(path), httpSink(url), { batchSize: 2 }),
    `cannot reach ${url}: connection refused`,
  );
});

test('stored values are read with their version; an answer of Redis that is missing is unknown', async (t) => {
  const results = [
    { key: 'a', status: 'hit', value: { n: 1 }, version: 'v1', ttl: 9 },
    { key: 'b', status: 'miss' },
    { key: 'c', status: 'miss', code: 'l2_unavailable' },
    { key: 'd', status: 'hit', value: 1, version: 'v2', ttl: 9, code: 'l2_timeout' },
    { key: 'e', status: 'error', code: 'answer_too_large' },
  ];
  const url = await serve(t, answer(200, { results }));
  assert.deepEqual(await httpSink(url).read(['a', 'b', 'c', 'd', 'e']), [
    { key: 'a', version: 'v1', value: { n: 1 } },
    'absent',
    'unknown',
    'unknown',
    'unknown',
  ]);
});

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An address whose port was free a moment ago. */
const nobodyListens = async () => `http://127.0.0.1:${await freePort()}`;

function answer(status: number, body: unknown, type = 'application/json'): RequestListener {
  return (request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body)));
  };
}

function batchOf(size: number) {
  return Array.from({ length: size }, (_, n) => ({ key: `k${n}`, json: '1' }));
}

function outcomesOf(statuses: string[]) {
  const codes = new Map([
    ['error', 'value_too_large'],
    ['newer', 'precondition_failed'],
  ]);
  return statuses.map((each, n) => {
    const code = codes.get(each);
    return { key: `k${n}`, ...(code === undefined ? { status: each } : { status: 'error', code }) };
  });
}

async function rejects(promise: Promise<unknown>, message: string): Promise<void> {
  await assert.rejects(promise, { message });
}
