import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { freePort } from '../../loadtest/target/redis-server.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { msgpack } from '../../src/client/msgpack.ts';
import { connect } from '../../src/client/node.ts';
import type { Options } from '../../src/client/options.ts';
import { assertOrigins } from './stage.ts';

const KEY = 'borrow_rate:AA PL/%?#';

let service: Service;

before(async () => {
  service = await startService({ standalone: true, env: { OVERLOAD_LOOP_DELAY_MS: '0' } });
});

after(() => service?.stop());

async function clientOf(t: TestContext, options: Options = {}, addresses: string | string[] = service.url) {
  const client = await connect(addresses, { timeoutMs: 30_000, ...options });
  t.after(() => client.close());
  return client;
}

for (const [name, options] of [
  ['JSON', {}],
  ['msgpack', { codec: msgpack }],
] as const) {
  test(`values are written, read and deleted over HTTP: ${name}`, async (t) => {
    const client = await clientOf(t, options);
    const written = await client.set(KEY, { rate: 0.25 }, { ttl: 100 });
    assert.deepEqual([written.key, written.status, written.tier], [KEY, 'created', 'service']);
    const { status, value, version, age, tier } = await client.get(KEY);
    assert.deepEqual([status, value, version, tier], ['hit', { rate: 0.25 }, written.version, 'service']);
    assert.ok(age! >= 0);
    const [hit, miss] = await client.getMany([KEY, 'x:none']);
    assert.deepEqual([hit.value, miss.status], [{ rate: 0.25 }, 'miss']);
    await assert.rejects(client.set(KEY, { rate: 1 }, { ifAbsent: true }), { code: 'precondition_failed' });
    assert.equal((await client.set(KEY, { rate: 1 }, { ifVersion: version! })).status, 'replaced');
    assert.equal((await client.delete(KEY, { ifExists: true })).status, 'deleted');
    assert.equal((await client.get(KEY)).status, 'miss');
    assert.equal(client.peek(KEY), undefined);
  });
}

for (const [name, options] of [
  ['JSON', {}],
  ['msgpack', { codec: msgpack }],
] as const) {
  test(`a client writes and reads when the data is from over HTTP: ${name}`, async (t) => {
    const client = await clientOf(t, options);
    await assertOrigins(client);
  });
}

test('an error of the service has its code', async (t) => {
  const client = await clientOf(t);
  await assert.rejects(client.set('', 1), { code: 'key_invalid' });
  await assert.rejects(client.set('x:1', 1, { ttl: -1 }), { code: 'ttl_invalid' });
});

test('an error says why the service did not answer', async (t) => {
  const port = await freePort();
  const client = await clientOf(t, {}, `http://127.0.0.1:${port}`);
  await assert.rejects(client.get(KEY), {
    code: 'disconnected',
    message: `127.0.0.1:${port} did not answer: connect ECONNREFUSED 127.0.0.1:${port}`,
  });
});

test('the error of a read on terms says how old the data is', async (t) => {
  const client = await clientOf(t);
  await client.set(KEY, { rate: 0.25 }, { asOf: Date.now() - 60_000 });
  await assert.rejects(client.get(KEY, { maxAge: 30 }), {
    code: 'terms_not_met',
    message: /cannot be returned: terms_not_met: its data is \d{5} ms old$/,
  });
});

test('changes are not supported over HTTP', async (t) => {
  const client = await clientOf(t);
  await assert.rejects(
    client.subscribe({ keys: [KEY] }, () => {}),
    { code: 'not_supported' },
  );
  assert.throws(() => client.changes({ keys: [KEY] }), { code: 'not_supported' });
});

test('reads and writes are repeated at the next address', async (t) => {
  const broken = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  t.after(() => broken.close());
  await new Promise((resolve) => broken.once('listening', resolve));
  const { port } = broken.address() as { port: number };
  const addresses = [`http://127.0.0.1:${port}`, service.url];
  const reader = await clientOf(t, {}, addresses);
  assert.equal((await reader.get('x:none')).status, 'miss');
  assert.equal(reader.state.connection, 'up');
  const writer = await clientOf(t, {}, addresses);
  assert.equal((await writer.set('x:1', 1)).status, 'created');
  const lost = await clientOf(t, {}, addresses[0]);
  await assert.rejects(lost.set('x:1', 1), { code: 'write_unknown' });
});

test('a write whose answer is lost is repeated, and made once', async (t) => {
  const sent: string[] = [];
  const lossy = createHttpServer(async (request, response) => {
    const bytes = Buffer.concat(await request.toArray());
    const answer = await service.fetch(request.url!, {
      method: request.method!,
      headers: {
        'Content-Type': request.headers['content-type'] ?? '',
        'If-None-Match': '*',
        'Idempotency-Key': String(request.headers['idempotency-key']),
      },
      body: bytes,
    });
    sent.push(String(request.headers['idempotency-key']));
    if (sent.length === 1) return request.socket.destroy();
    response.writeHead(answer.status, { ETag: answer.headers.get('ETag')! }).end();
  }).listen(0, '127.0.0.1');
  t.after(() => lossy.close());
  await new Promise((resolve) => lossy.once('listening', resolve));
  const { port } = lossy.address() as { port: number };
  const client = await clientOf(t, {}, `http://127.0.0.1:${port}`);
  assert.equal((await client.set('x:lost', 1, { ifAbsent: true })).status, 'created');
  assert.equal(sent.length, 2);
  assert.equal(sent[0], sent[1]);
});

test('a call ends at its deadline, by its signal, and when the client closes', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as { port: number };
  const client = await clientOf(t, {}, `http://127.0.0.1:${port}`);
  await assert.rejects(client.get('x:1', { timeoutMs: 20 }), { code: 'timeout' });
  await assert.rejects(client.get('x:1', { signal: AbortSignal.abort() }), { code: 'aborted' });
  await assert.rejects(client.set('x:1', 1, { timeoutMs: 20 }), { code: 'write_unknown' });
  const closed = assert.rejects(client.get('x:2'), { code: 'closed' });
  await client.close();
  await closed;
});
