import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, type RawConnection } from '../../../loadtest/support/raw-http.ts';

test('pipelined responses are read in order, and the rest is kept for the next read', async (t) => {
  const { client, server } = await pair(t);
  const texts = Array.from({ length: 1_000 }, (_, i) => `body ${i}`);
  server.write(
    texts.map((text) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`).join(''),
  );
  const responses = [...(await client.readResponses(10)), ...(await client.readResponses(990))];
  assert.deepEqual(
    responses.map(({ body }) => body.toString()),
    texts,
  );
});

test('a response may come byte by byte', async (t) => {
  const { client, server } = await pair(t);
  const reading = client.readResponses(1);
  for (const byte of 'HTTP/1.1 404 Not Found\r\nETag: "1"\r\nVary: a\r\nvary: b\r\nContent-Length: 2\r\n\r\nno') {
    await new Promise((resolve) => server.write(byte, resolve));
  }
  const [response] = await reading;
  assert.equal(response?.status, 404);
  assert.deepEqual({ ...response.headers }, { etag: '"1"', vary: 'a, b', 'content-length': '2' });
  assert.equal(response.body.toString(), 'no');
});

test('a chunked body is put together', async (t) => {
  const { client, server } = await pair(t);
  server.write(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n',
  );
  const [response] = await client.readResponses(1);
  assert.equal(response?.body.toString(), 'abc0123456789');
});

test('a body without a length ends with the connection', async (t) => {
  const { client, server } = await pair(t);
  server.end('HTTP/1.1 200 OK\r\n\r\nto the end');
  const [response] = await client.readResponses(1);
  assert.equal(response?.body.toString(), 'to the end');
});

test('204, 304 and answers to HEAD have no body, whatever their length says', async (t) => {
  const { client, server } = await pair(t);
  server.write('HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n');
  assert.deepEqual(
    (await client.readResponses(2)).map(({ status }) => status),
    [204, 304],
  );
  server.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'.repeat(2));
  assert.equal((await client.readResponses(2, undefined, { head: true })).length, 2);
});

test('sent bytes arrive unchanged', async (t) => {
  const { client, server } = await pair(t);
  await client.send('PUT /');
  await client.send(Buffer.from([0x00, 0xff]));
  client.end();
  let arrived = Buffer.alloc(0);
  for await (const chunk of server) arrived = Buffer.concat([arrived, chunk]);
  assert.deepEqual(arrived, Buffer.from('PUT /\x00\xff', 'latin1'));
});

test('a read of too few responses rejects after the timeout, or at once when the server closes', async (t) => {
  const { client, server } = await pair(t);
  // The half of the second response arrives with the first one.
  const whole = 'HTTP/1.1 204 No Content\r\n\r\n';
  server.write(`${whole}HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf`);
  await client.readResponses(1);
  await assert.rejects(client.readResponses(1, 20), /20 ms passed after 0 of 1 responses; unread: "HTTP/);
  server.end();
  await assert.rejects(client.readResponses(1), /the connection ended after 0 of 1/);
});

test('closed resolves after a close and after a reset', async (t) => {
  const one = await pair(t);
  one.server.end();
  one.client.end();
  await one.client.closed;

  const two = await pair(t);
  two.server.resetAndDestroy();
  await two.client.closed;
});

async function pair(t: TestContext): Promise<{ client: RawConnection; server: Socket }> {
  const listener = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection');
  const client = await connect((listener.address() as AddressInfo).port);
  const [server] = (await accepted) as [Socket];
  t.after(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  return { client, server };
}
