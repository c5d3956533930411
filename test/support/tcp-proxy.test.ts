import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../loadtest/support/until.ts';
import { startTcpProxy } from './tcp-proxy.ts';

test('data and the end of a connection pass both ways', async (t) => {
  const { client, server } = await pair(t);
  client.socket.write('to the server');
  server.socket.write('to the client');
  await until(() => server.text === 'to the server' && client.text === 'to the client');
  client.socket.end();
  await once(server.socket, 'end');
  server.socket.end('last');
  await once(client.socket, 'end');
  assert.equal(client.text, 'to the clientlast');
});

test('only the frozen direction holds data back, and thawing releases all of it', async (t) => {
  const { proxy, client, server } = await pair(t);
  proxy.freeze({ direction: 'down' });
  server.socket.write('a');
  server.socket.end('b');
  client.socket.write('up');
  await until(() => server.text === 'up');
  await sleep(20);
  assert.equal(client.text, '');
  assert.equal(client.socket.readableEnded, false);
  proxy.thaw();
  await once(client.socket, 'end');
  assert.equal(client.text, 'ab');
});

test('freezing or cutting can be limited to connections that sent given data', async (t) => {
  const { proxy, client, server, open } = await pair(t);
  client.socket.write('I am the link');
  await until(() => server.text !== '');
  const other = await open();
  proxy.freeze({ direction: 'down', saying: 'link' });
  server.socket.write('1');
  other.server.socket.write('2');
  await until(() => other.client.text === '2');
  await sleep(20);
  assert.equal(client.text, '');
  const closed = closing(client.socket);
  proxy.cut({ saying: 'link' });
  await closed;
  assert.equal(other.client.socket.destroyed, false);
  assert.equal(proxy.size, 1);
});

test('a delay postpones all data and keeps its order', async (t) => {
  const { proxy, client, server } = await pair(t);
  proxy.delay(50);
  const start = performance.now();
  client.socket.write('1');
  await sleep(10);
  client.socket.write('2');
  await until(() => server.text === '12', { everyMs: 1 });
  assert.ok(performance.now() - start >= 50);
});

test('connections that are not accepted are reset', async (t) => {
  const { proxy } = await pair(t);
  proxy.accept(false);
  await closing(connect(proxy.port, '127.0.0.1'));
});

/** Resolves when it is closed, by a reset or otherwise. */
function closing(socket: Socket): Promise<void> {
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

type End = { socket: Socket; text: string };

async function pair(t: TestContext) {
  const accepted: Socket[] = [];
  const listener = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket)).listen(0);
  await once(listener, 'listening');
  const proxy = await startTcpProxy(listener.address() as AddressInfo);
  t.after(() => proxy.close());
  t.after(() => listener.close());
  const open = async () => {
    const before = accepted.length;
    const client = end(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }));
    await until(() => accepted.length > before);
    const server = end(accepted[before]!);
    t.after(() => {
      client.socket.destroy();
      server.socket.destroy();
    });
    return { client, server };
  };
  return { proxy, open, ...(await open()) };
}

function end(socket: Socket): End {
  const made: End = { socket, text: '' };
  socket.on('data', (chunk) => {
    made.text += chunk;
  });
  socket.on('error', () => {});
  return made;
}
