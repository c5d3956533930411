/** Thousands of clients that are slow on purpose. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { residentBytesOf } from '../../loadtest/target/proc.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { get, put } from '../support/client.ts';
import { besideNeighbour } from '../support/neighbour.ts';

const MiB = 1024 * 1024;
const HALF_OPEN = 2000;
const SLOW_BODIES = 1000;
const SLOW_READERS = 500;
/** More often than the service closes silent connections. */
const DRIP_MS = 2000;

test('the service answers while 2,000 half-open clients, 1,000 slow bodies and 500 slow readers are connected', async (t) => {
  // Only the soft limit. The service inherits it.
  await promisify(execFile)('prlimit', ['--pid', String(process.pid), '--nofile=8192:']);
  // Larger than the buffers of the kernel.
  const env = { ...PATIENT, MAX_VALUE_BYTES: String(8 * MiB) };
  const service = await startService({ standalone: true, env });
  t.after(() => service.stop('SIGKILL'));
  const large = JSON.stringify('x'.repeat(8 * MiB - 2));
  assert.ok((await put(service, 'crowd:large', large)).ok);
  assert.ok((await put(service, 'crowd:small', '1')).ok);
  const before = residentBytesOf(service.pid);

  const readers = await crowd(t, service, SLOW_READERS, (socket) => {
    trickle(t, socket);
    socket.write('GET /v1/cache/crowd:large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  });
  const bodies = await crowd(t, service, SLOW_BODIES, (socket, i) => {
    socket.write(
      `PUT /v1/cache/crowd:${i} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n1`,
    );
    drip(t, socket, '1');
  });
  const halfOpen = await crowd(t, service, HALF_OPEN, (socket) => {
    socket.write('GET /v1/cache/crowd:small HT');
  });
  await until(async () => (await openRequests(service)) >= SLOW_BODIES + SLOW_READERS);

  const { p99, worst, reads } = await besideNeighbour(service, 'crowd:small', async () => {
    for (let i = 0; i < 200; i++) {
      assert.ok((await put(service, `crowd:other${i}`, String(i))).ok);
      assert.equal(await (await get(service, `crowd:other${i}`)).text(), String(i));
    }
    assert.ok(
      (await openRequests(service)) >= SLOW_BODIES + SLOW_READERS,
      'the slow clients are still connected',
    );
  });
  t.diagnostic(
    `p99 ${p99.toFixed(1)} ms, worst ${worst.toFixed(1)} ms, ${reads} reads, ${halfOpen.size} half-open`,
  );
  assert.ok(p99 < 50, `p99 ${p99} ms`);
  const grown = residentBytesOf(service.pid) - before;
  t.diagnostic(`${(grown / MiB).toFixed(0)} MiB more`);
  assert.ok(grown < 100 * MiB, `${grown / MiB} MiB more`);

  for (const socket of [...readers, ...bodies, ...halfOpen]) socket.destroy();
  await until(async () => (await openRequests(service)) <= 1);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
});

/** Connects clients, and returns those that are connected. */
async function crowd(
  t: TestContext,
  { port }: Service,
  count: number,
  begin: (socket: Socket, i: number) => void,
): Promise<Set<Socket>> {
  const connected = new Set<Socket>();
  for (let i = 0; i < count; i++) {
    const socket = connect({ port, host: '127.0.0.1' });
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    connected.add(socket);
    socket.on('close', () => connected.delete(socket));
    begin(socket, i);
  }
  return connected;
}

function drip(t: TestContext, socket: Socket, bytes: string): void {
  const timer = setInterval(() => socket.write(bytes), DRIP_MS);
  t.after(() => clearInterval(timer));
  socket.on('close', () => clearInterval(timer));
}

/** Reads one chunk now and then. */
function trickle(t: TestContext, socket: Socket): void {
  socket.pause();
  socket.on('data', () => socket.pause());
  const timer = setInterval(() => socket.resume(), DRIP_MS);
  t.after(() => clearInterval(timer));
  socket.on('close', () => clearInterval(timer));
}

async function openRequests(service: Service): Promise<number> {
  const text = await (await service.fetch('/metrics')).text();
  return Number(/^ratecache_http_open_requests (\d+)/m.exec(text)?.[1]);
}
