import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import autocannon from 'autocannon';
import { HttpLane } from '../../loadtest/pacer/http-lane.ts';
import { pace } from '../../loadtest/pacer/pacer.ts';
import { bursts, steady } from '../../loadtest/pacer/schedule.ts';
import { GENERATOR_CORE, pin } from '../../loadtest/support/pin.ts';
import { http } from '../../loadtest/traffic/prepared.ts';
import { startOther } from './support/start-other.ts';

const RATE = 1000;
const get = () => http.get('borrow_rate:AAPL');

test('what a server that stalls for 100 ms each second does to its users is in p99 and maximum', async (t) => {
  const port = await startOther(t, 'stalling-server');
  pin(GENERATOR_CORE, process.pid);
  const { requests, latency, lateP99Us } = await pace({
    schedule: steady(RATE, 3000),
    request: get,
    open: () => new HttpLane(port),
    connections: 64,
    warmupMs: 1000,
    measuredMs: 2000,
  });
  assert.equal(requests.sent, 2 * RATE);
  assert.equal(requests.completed, requests.sent);
  // A tenth of the requests come due in a stall and wait from 0 to 100 ms: the p99 of all is 90 ms.
  const { p50Us, p99Us, maxUs } = latency;
  assert.ok(p50Us < 50_000, `p50 ${p50Us} us`);
  assert.ok(p99Us > 80_000 && p99Us < 300_000, `p99 ${p99Us} us`);
  assert.ok(maxUs > 95_000 && maxUs < 400_000, `max ${maxUs} us`);
  t.diagnostic(`pacer: p50 ${p50Us} us, p99 ${p99Us} us, max ${maxUs} us, p99 late ${lateP99Us} us`);

  const other = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections: 64,
    duration: 2,
    overallRate: RATE,
  });
  t.diagnostic(`autocannon with overallRate: p99 ${other.latency.p99} ms, max ${other.latency.max} ms`);
});

test('what is due while every connection waits is sent later, and counts from when it was due', async (t) => {
  // One answer in 50 ms on each of two connections, and 80 requests a second.
  const port = await startRaw(t, (answer) => setTimeout(answer, 50));
  const { requests, latency } = await pace({
    schedule: steady(80, 500),
    request: get,
    open: () => new HttpLane(port),
    connections: 2,
    warmupMs: 0,
    measuredMs: 500,
  });
  assert.deepEqual([requests.sent, requests.completed], [40, 40]);
  // The last was due at 487 ms, and its turn came after 19 others on its connection, 950 ms from the start.
  assert.ok(latency.maxUs > 450_000, `max ${latency.maxUs} us`);
});

test('requests that are never answered are timeouts, and their wait is in the tail', async (t) => {
  const port = await startRaw(t, () => {});
  const { requests, latency } = await pace({
    schedule: steady(100, 200),
    request: get,
    open: () => new HttpLane(port),
    connections: 2,
    warmupMs: 0,
    measuredMs: 200,
    timeoutMs: 300,
  });
  assert.deepEqual([requests.sent, requests.completed, requests.timeouts], [20, 0, 20]);
  assert.ok(latency.maxUs >= 300_000, `max ${latency.maxUs} us`);
});

test('connections that break are errors, and are opened again', async (t) => {
  let asked = 0;
  const port = await startRaw(t, (answer, hangUp) => (++asked % 10 === 0 ? hangUp() : answer()));
  const { requests } = await pace({
    schedule: steady(200, 500),
    request: get,
    open: () => new HttpLane(port),
    connections: 4,
    warmupMs: 0,
    measuredMs: 500,
  });
  assert.deepEqual([requests.sent, requests.completed, requests.errors], [100, 90, 10]);
});

test('a schedule says when each request is due, in bursts too, and when it is over', () => {
  const even = steady(1000, 3);
  assert.deepEqual([0, 1, 2, 3].map(even.dueAt), [0, 1, 2, Number.POSITIVE_INFINITY]);
  const stampede = bursts(200, 2, 25);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map(stampede.dueAt), [
    0,
    0,
    10,
    10,
    20,
    20,
    Number.POSITIVE_INFINITY,
  ]);
});

/** A server that leaves to `respond` what becomes of each request. */
async function startRaw(
  t: TestContext,
  respond: (answer: () => void, hangUp: () => void) => void,
): Promise<number> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', () =>
      respond(
        () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1'),
        () => socket.destroy(),
      ),
    );
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}
