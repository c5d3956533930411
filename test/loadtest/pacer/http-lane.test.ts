import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { HttpLane } from '../../../loadtest/pacer/http-lane.ts';
import { pace } from '../../../loadtest/pacer/pacer.ts';
import { steady } from '../../../loadtest/pacer/schedule.ts';
import type { Requests } from '../../../loadtest/result.ts';
import { http } from '../../../loadtest/traffic/prepared.ts';

/** Sends 20 requests on one connection to a server that sends these texts in turn, each as packets. */
async function answers(t: TestContext, ...texts: readonly (readonly string[])[]): Promise<Requests> {
  let n = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', async () => {
      for (const packet of texts[n++ % texts.length]!) {
        socket.write(packet);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { requests } = await pace({
    schedule: steady(200, 100),
    request: () => http.get('borrow_rate:A'),
    open: () => new HttpLane({ port }),
    connections: 1,
    warmupMs: 0,
    measuredMs: 100,
  });
  return requests;
}

const HIT = ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'];

test('a chunked answer is an error, and its rest is not read as the next answer', async (t) => {
  const chunked = ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n', '0\r\n\r\n'];
  const { byStatus, completed, errors, timeouts } = await answers(t, chunked, HIT);
  assert.deepEqual(byStatus, { 200: 10, '200 chunked': 10 });
  assert.deepEqual([completed, errors, timeouts], [20, 0, 0]);
});

test('an answer whose length is unknown is an error, whatever its status', async (t) => {
  const { byStatus, errors } = await answers(
    t,
    ['HTTP/1.1 200 OK\r\n\r\n', '{}'],
    ['HTTP/1.1 404 Not Found\r\n\r\n'],
    ['HTTP/1.1 100 Continue\r\n\r\n'],
    HIT,
  );
  assert.deepEqual(byStatus, {
    200: 5,
    '100 without a length': 5,
    '200 without a length': 5,
    '404 without a length': 5,
  });
  assert.equal(errors, 0);
});

test('204 and 304 need no length', async (t) => {
  const { byStatus, hits } = await answers(
    t,
    ['HTTP/1.1 204 No Content\r\n\r\n'],
    ['HTTP/1.1 304 Not Modified\r\n\r\n'],
  );
  assert.deepEqual([byStatus, hits], [{ 204: 10, 304: 10 }, 0]);
});
