/**
 * One key, many subscribed sockets at one replica: events a second that reach them, the server's CPU time for
 * each, and what a socket costs in memory. Updates come at another replica, one after another, each when the
 * last socket has been told of the one before.
 *
 * node bench/push/fan-out.ts [sockets] [seconds]
 */
import { GENERATOR_CORE, pin, SERVER_CORE } from '../../loadtest/support/pin.ts';
import { RawWs } from '../../loadtest/support/raw-ws.ts';
import { cpuPartsOf, residentBytesOf } from '../../loadtest/target/proc.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { startService } from '../../loadtest/target/service.ts';
import { percentiles } from '../support/percentiles.ts';

const sockets = Number(process.argv[2] ?? 10_000);
const seconds = Number(process.argv[3] ?? 10);
const KEY = 'borrow_rate:FAN';

const server = await startRedis();
const env = { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(server.port), REDIS_PASSWORD: '' };
const [a, b] = await Promise.all([startService({ env }), startService({ env })]);
for (const pid of [server.pid, a.pid, b.pid]) pin(SERVER_CORE, pid);
if (!pin(GENERATOR_CORE, process.pid))
  console.error('not on cores of their own: the figures mix server and generator');

let told = 0;
let allTold: () => void = () => {};
const memoryBefore = residentBytesOf(b.pid);
for (let i = 0; i < sockets; i++) {
  const client = await RawWs.open(b.port);
  const ready = new Promise<void>((resolve) => {
    client.onFrame = () => resolve();
  });
  client.send(JSON.stringify({ id: 1, op: 'subscribe', keys: [KEY], values: true }));
  await ready;
  client.onFrame = () => {
    if (++told % sockets === 0) allTold();
  };
}
const memoryPerSocket = (residentBytesOf(b.pid) - memoryBefore) / sockets;

const times: number[] = [];
let n = 0;
const before = cpuPartsOf(b.pid)!;
const start = performance.now();
while (performance.now() - start < seconds * 1000) {
  const arrived = new Promise<void>((resolve) => {
    allTold = resolve;
  });
  const sent = performance.now();
  await fetch(`${a.url}/v1/cache/${KEY}`, {
    method: 'PUT',
    body: JSON.stringify({ fee_rate: 0.010977, n: n++ }),
    headers: { 'Content-Type': 'application/json' },
  });
  await arrived;
  times.push(performance.now() - sent);
}
const elapsed = (performance.now() - start) / 1000;
const after = cpuPartsOf(b.pid)!;
const [user, kernel] = [after.user - before.user, after.kernel - before.kernel];
const perEvent = (cpu: number) => ((cpu / told) * 1e6).toFixed(2);
const [p50, p99] = percentiles(times, [50, 99]);
console.log(`${sockets} sockets, ${n} updates in ${elapsed.toFixed(1)} s`);
console.log(
  `${Math.round(told / elapsed)} events/s, ${perEvent(user + kernel)} us of server CPU an event, ${perEvent(kernel)} of them in the kernel`,
);
console.log(
  `PUT at the other replica to the last socket: p50 ${p50!.toFixed(1)} ms, p99 ${p99!.toFixed(1)} ms`,
);
console.log(`${Math.round(memoryPerSocket)} bytes of server memory a socket`);
await Promise.all([a.stop(), b.stop()]);
await server.stop();
process.exit();
