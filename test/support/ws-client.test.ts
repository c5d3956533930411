import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { wsFor } from './ws-client.ts';

test('a socket that closes without a close frame reports the error of its connection', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  const sockets: Socket[] = [];
  server.on('connection', (_, { socket }) => sockets.push(socket));
  await once(server, 'listening');
  const ws = await wsFor(t, { port: (server.address() as AddressInfo).port });
  const request = ws.request('ping');
  sockets[0]!.resetAndDestroy();
  const error = 'read ECONNRESET';
  assert.deepEqual(await ws.closed, { code: 1006, reason: '', error });
  await assert.rejects(request, /^Error: closed: 1006 read ECONNRESET$/);
  await assert.rejects(ws.nextEvent(), /before the socket was closed: 1006 read ECONNRESET/);
});
