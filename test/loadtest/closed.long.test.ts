import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { generate } from '../../loadtest/generator/generate.ts';
import type { Generated, Job } from '../../loadtest/generator/job.ts';
import { largeValues } from '../../loadtest/profiles/large-values.ts';
import { pemOf } from '../support/tls-files.ts';

const HIT = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1';
const LAST_HIT = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1';
/** No request is given up only because the machine is busy. */
const PATIENT_MS = 60_000;

type Respond = (answer: (text?: string) => void, hangUp: () => void, closePort: () => void) => void;

test('a server whose certificate is not trusted receives no token from a closed load', async (t) => {
  const received: (string | undefined)[] = [];
  const server = createTlsServer(
    { cert: pemOf('server'), key: pemOf('server', 'key') },
    (request, response) => {
      received.push(request.headers.authorization);
      response.end('1');
    },
  );
  await assert.rejects(
    closed(t, await listening(t, server), {
      host: '127.0.0.1',
      secureName: 'localhost',
      headers: [
        ['Host', 'localhost'],
        ['Authorization', 'Bearer secret'],
      ],
      timeoutMs: 1000,
    }),
    /of 4 connections only 0 could be opened/,
  );
  assert.deepEqual(received, []);
});

test('a connection that ends with an open request is an error of a closed load', async (t) => {
  let asked = 0;
  const { requests } = await closed(
    t,
    await startRaw(t, (answer, hangUp) => (++asked % 10 === 0 ? hangUp() : answer())),
    { timeoutMs: PATIENT_MS },
  );
  const { sent, completed, errors, timeouts } = requests;
  assert.deepEqual([sent, timeouts], [asked, 0]);
  assert.deepEqual([completed, errors], [asked - Math.floor(asked / 10), Math.floor(asked / 10)]);
  assert.ok(errors > 0, 'no connection ended');
});

test('a server that closes its port makes an error of each attempt to connect', async (t) => {
  let asked = 0;
  const port = await startRaw(t, (answer, hangUp, closePort) => {
    if (++asked <= 20) return answer();
    closePort();
    hangUp();
  });
  const { requests } = await closed(t, port, { timeoutMs: PATIENT_MS });
  assert.ok(requests.errors > 4, `${requests.errors} errors`);
  assert.equal(requests.sent, requests.completed + requests.errors);
});

test('an answer that closes its connection is not an error', async (t) => {
  const { requests } = await closed(t, await startRaw(t, (answer) => answer(LAST_HIT)), {
    timeoutMs: PATIENT_MS,
  });
  assert.deepEqual([requests.errors, requests.timeouts], [0, 0]);
  assert.ok(requests.completed > 4, `${requests.completed} answers`);
});

test('a request of a closed load that hangs is a timeout, and its wait is in the latencies', async (t) => {
  let asked = 0;
  const timeoutMs = 1000;
  const { requests, latency } = await closed(
    t,
    await startRaw(t, (answer) => {
      if (++asked !== 10) answer();
    }),
    { timeoutMs },
  );
  assert.ok(requests.timeouts >= 1, `${requests.timeouts} timeouts`);
  assert.equal(requests.sent, requests.completed + requests.timeouts);
  assert.ok(latency.maxUs >= timeoutMs * 1000, `max ${latency.maxUs} us`);
  assert.equal(latency.distribution.at(-1)![1], requests.sent);
});

test('a request that is in flight at the end of the measured part counts', async (t) => {
  const { requests, latency } = await closed(t, await startRaw(t, () => {}), { timeoutMs: 1500 });
  assert.deepEqual([requests.sent, requests.timeouts], [4, 4]);
  assert.ok(latency.p50Us >= 1_500_000, `p50 ${latency.p50Us} us`);
});

test('a closed load counts its hits, and reports each second and its CPU', async (t) => {
  const { requests, seconds, cpuShare, throughputPerSecond } = await closed(
    t,
    await startRaw(t, (answer) => answer()),
    { timeoutMs: PATIENT_MS },
  );
  assert.deepEqual(requests.byStatus, { 200: requests.sent });
  assert.ok(requests.hits > 0 && requests.hits < requests.sent, `${requests.hits} hits`);
  assert.equal(requests.misses, 0);
  assert.equal(seconds.length, 1);
  assert.equal(seconds[0]!.completed, requests.sent);
  assert.ok(cpuShare > 0, 'no CPU');
  assert.equal(throughputPerSecond, requests.completed);
});

/** One second of closed load on four connections, without a warm-up. */
async function closed(
  t: TestContext,
  port: number,
  job: Partial<Job> & Pick<Job, 'timeoutMs'>,
): Promise<Generated> {
  return generate(
    {
      profile: {
        ...largeValues,
        load: { ...largeValues.load, connections: 4, warmupSeconds: 0, seconds: 1 },
        data: { ...largeValues.data, symbols: 10, valueBytes: 20 },
      },
      seed: 1,
      port,
      ceilingPort: await startRaw(t, (answer) => answer()),
      ceilingMs: 100,
      ...job,
    },
    () => {},
  );
}

/** A server that leaves to `respond` what becomes of each request. */
function startRaw(t: TestContext, respond: Respond): Promise<number> {
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.on('data', () =>
      respond(
        (text = HIT) => (text === LAST_HIT ? socket.end(text) : socket.write(text)),
        () => socket.destroy(),
        () => server.close(),
      ),
    );
  });
  return listening(t, server);
}

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}
