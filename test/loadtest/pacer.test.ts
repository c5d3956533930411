import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { HttpLane } from '../../loadtest/pacer/http-lane.ts';
import { pace } from '../../loadtest/pacer/pacer.ts';
import { bursts, steady } from '../../loadtest/pacer/schedule.ts';
import { http } from '../../loadtest/traffic/prepared.ts';
import { VirtualTime, virtualLane } from './support/virtual-time.ts';

const RATE = 1000;
const STALL_MS = 100;
/** How exact the pacer is: its tick, and what the histogram rounds. */
const TICK_US = 210;
/** No connection breaks, and no request is given up, only because the machine is busy. */
const PATIENT_MS = 60_000;
const get = () => http.get('borrow_rate:AAPL');

test('a server that stalls for 100 ms each second raises p99 and maximum', async () => {
  const time = new VirtualTime();
  const stalls = (now: number) => (now % 1000 < STALL_MS ? now - (now % 1000) + STALL_MS : now);
  const { requests, latency, lateP99Us } = await pace({
    schedule: steady(RATE, 3000),
    request: get,
    open: () => virtualLane(time, stalls),
    connections: 64,
    warmupMs: 1000,
    measuredMs: 2000,
    time,
  });
  assert.equal(requests.sent, 2 * RATE);
  assert.equal(requests.completed, requests.sent);
  // A tenth of the requests come due in a stall and wait from 0 to 100 ms: the p99 of all is 90 ms.
  const { p50Us, p99Us, maxUs } = latency;
  assert.ok(p50Us <= TICK_US, `p50 ${p50Us} us`);
  assert.ok(p99Us >= 90_000 && p99Us <= 91_000, `p99 ${p99Us} us`);
  assert.ok(maxUs >= 99_000 && maxUs <= 101_000, `max ${maxUs} us`);
  assert.ok(lateP99Us <= TICK_US, `p99 late ${lateP99Us} us`);
});

test('a request that is due while every connection waits is sent later, and measured from its due time', async () => {
  // One answer in 50 ms on each of two connections, and 80 requests a second.
  const time = new VirtualTime();
  const { requests, latency } = await pace({
    schedule: steady(80, 500),
    request: get,
    open: () => virtualLane(time, (now) => now + 50),
    connections: 2,
    warmupMs: 0,
    measuredMs: 500,
    time,
  });
  assert.deepEqual([requests.sent, requests.completed], [40, 40]);
  // The last was due at 487.5 ms. Its answer is the 20th on the second connection, whose first request was due at
  // 12.5 ms: it arrives at 1012.5 ms.
  const { maxUs } = latency;
  assert.ok(maxUs >= 524_000 && maxUs <= 526_000, `max ${maxUs} us`);
});

test('requests that are never answered are timeouts, and their wait is in the tail', async () => {
  const time = new VirtualTime();
  const { requests, latency } = await pace({
    schedule: steady(100, 200),
    request: get,
    open: () => virtualLane(time, () => Number.POSITIVE_INFINITY),
    connections: 2,
    warmupMs: 0,
    measuredMs: 200,
    timeoutMs: 300,
    time,
  });
  assert.deepEqual([requests.sent, requests.completed, requests.timeouts], [20, 0, 20]);
  assert.ok(latency.maxUs >= 300_000, `max ${latency.maxUs} us`);
});

test('broken connections count as errors, and are opened again', async (t) => {
  let asked = 0;
  const port = await startRaw(t, (answer, hangUp) => (++asked % 10 === 0 ? hangUp() : answer()));
  const { requests } = await pace({
    schedule: steady(200, 500),
    request: get,
    open: () => new HttpLane({ port }),
    connections: 4,
    warmupMs: 0,
    measuredMs: 500,
    timeoutMs: PATIENT_MS,
  });
  assert.deepEqual([requests.sent, requests.completed, requests.errors], [100, 90, 10]);
});

test('a schedule has the due time of each request, also in bursts, and ends', () => {
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
