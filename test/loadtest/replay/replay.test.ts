import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Operation } from '../../../loadtest/replay/operation.ts';
import { replay } from '../../../loadtest/replay/replay.ts';

const SPEED = 10;
/** The replay measures its ceiling for a second, then waits for a second. */
const BEFORE_LOG_MS = 2_000;
/** Two bursts, two seconds apart in the log. */
const LOG: readonly Operation[] = [0, 0, 0, 2_000, 2_000].map((atMs, i) => ({
  atMs: 1_000_000 + atMs,
  op: i === 4 ? 'delete' : 'get',
  keys: [`a:${i}`],
}));

test('every request of a log arrives once, and none before it is due', async (t) => {
  const arrivals: { request: string; atMs: number }[] = [];
  const server = createServer((request, response) => {
    arrivals.push({ request: `${request.method} ${request.url}`, atMs: performance.now() });
    response.writeHead(request.method === 'DELETE' ? 204 : 200, { 'content-length': 0 }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;

  const target = { port, stop: async () => {} };
  let startedAt = 0;
  const result = await replay(target, LOG, {
    name: 'log',
    speed: SPEED,
    connections: 4,
    mostSeconds: 60,
    beforeSending: () => {
      startedAt = performance.now();
    },
  });

  assert.deepEqual(arrivals.map(({ request }) => request).sort(), [
    'DELETE /v1/cache/a%3A4',
    'GET /v1/cache/a%3A0',
    'GET /v1/cache/a%3A1',
    'GET /v1/cache/a%3A2',
    'GET /v1/cache/a%3A3',
  ]);
  // A busy machine makes both bursts late, and neither early.
  for (const { request, atMs } of arrivals) {
    const dueMs = BEFORE_LOG_MS + (/[34]$/.test(request) ? 2_000 / SPEED : 0);
    assert.ok(atMs - startedAt >= dueMs, `${request} came after ${atMs - startedAt} ms`);
  }
  assert.deepEqual([result.requests.sent, result.requests.completed, result.requests.hits], [5, 5, 4]);
  assert.equal(result.load.seconds, 0.2);
});

test('a log with less than two operations has no rhythm to replay', async () => {
  const target = { port: 1, stop: async () => {} };
  const options = { name: 'log', speed: 1, connections: 1, mostSeconds: 60 };
  await assert.rejects(replay(target, LOG.slice(0, 1), options), /fewer than two operations/);
});
