/**
 * How long a change takes to reach a subscribed client of another replica, beside a bare ioredis subscriber in
 * the same run, the two alternating:
 *
 *   bare      PUBLISH by one client, to the message at a bare subscriber
 *   asked     SET in Redis, to a bare client that hears of it by tracking and then has the value by GET
 *   told      SET in Redis, to the `invalidate` at a client subscribed without values
 *   value     SET in Redis, to the `update` at a client subscribed with values
 *   put       PUT at replica A, to the `update` at a client of replica B
 *
 * node bench/push/latency.ts [rounds] [subscribers]
 */
import { Redis } from 'ioredis';
import { GENERATOR_CORE, pin, SERVER_CORE } from '../../loadtest/support/pin.ts';
import { RawWs } from '../../loadtest/support/raw-ws.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { startService } from '../../loadtest/target/service.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { pack } from '../../src/redis/envelope.ts';
import { percentiles } from '../support/percentiles.ts';

const rounds = Number(process.argv[2] ?? 2000);
const subscribers = Number(process.argv[3] ?? 1);

const server = await startRedis();
const env = {
  REDIS_HOST: '127.0.0.1',
  REDIS_PORT: String(server.port),
  REDIS_PASSWORD: '',
  LOG_LEVEL: 'info',
};
const [a, b] = await Promise.all([startService({ env }), startService({ env })]);
for (const pid of [server.pid, a.pid, b.pid]) pin(SERVER_CORE, pid);
if (!pin(GENERATOR_CORE, process.pid))
  console.error('not on cores of their own: the figures mix server and generator');

const writer = new Redis({ port: server.port, protocol: 2 });
const bare = new Redis({ port: server.port, protocol: 2 });
const reader = new Redis({ port: server.port, protocol: 2 });
const versions = new VersionClock('be4c4000');
const limits = { compressionThresholdBytes: 0, maxValueBytes: 1 << 20 };
const ASKED = 'asked:key';
let arrived: (at: number) => void = () => {};

await bare.client('TRACKING', 'ON', 'REDIRECT', String(await bare.client('ID')), 'BCAST', 'PREFIX', ASKED);
await bare.subscribe('bench', '__redis__:invalidate');
bare.on('messageBuffer', (channel: Buffer) => {
  if (channel.toString() === 'bench') return arrived(performance.now());
  void reader.getBuffer(ASKED).then(() => arrived(performance.now()));
});

/** Subscribes `count` clients of B to the key; the last to be told counts. */
async function subscribe(key: string, values: boolean): Promise<void> {
  let told = 0;
  for (let i = 0; i < subscribers; i++) {
    const client = await RawWs.open(b.port);
    const ready = new Promise<void>((resolve) => {
      client.onFrame = () => resolve();
    });
    client.send(JSON.stringify({ id: 1, op: 'subscribe', keys: [key], values }));
    await ready;
    client.onFrame = () => {
      if (++told % subscribers === 0) arrived(performance.now());
    };
  }
}

async function timed(trigger: () => unknown): Promise<number> {
  const told = new Promise<number>((resolve) => {
    arrived = resolve;
  });
  const start = performance.now();
  trigger();
  return (await told) - start;
}

let n = 0;
function set(key: string): void {
  const body = `{"rate":0.0525,"borrow_rate":0.0111,"n":${n++}}`;
  const now = Date.now();
  void writer.set(
    `borrow_rate_engine:${key}`,
    pack({ encoding: 'json', body }, versions.next(), now, now + 3e5, limits),
  );
}

await subscribe('borrow_rate:TOLD', false);
await subscribe('borrow_rate:VALUE', true);
await subscribe('borrow_rate:PUT', true);

const kinds = {
  bare: () => writer.publish('bench', 'x'),
  asked: () => writer.set(ASKED, 'x'.repeat(120)),
  told: () => set('borrow_rate:TOLD'),
  value: () => set('borrow_rate:VALUE'),
  put: () =>
    fetch(`${a.url}/v1/cache/borrow_rate:PUT`, {
      method: 'PUT',
      body: String(n++),
      headers: { 'content-type': 'application/json' },
    }),
};
const samples: Record<string, number[]> = { bare: [], asked: [], told: [], value: [], put: [] };
for (let i = 0; i < rounds + 200; i++) {
  for (const [kind, trigger] of Object.entries(kinds)) {
    const ms = await timed(trigger);
    if (i >= 200) samples[kind]!.push(ms);
  }
}

console.log(`${rounds} rounds, ${subscribers} subscribers a key; the last one told counts`);
const [reference] = percentiles(samples.bare!, [50]);
for (const [kind, times] of Object.entries(samples)) {
  const [p50, p99, max] = percentiles(times, [50, 99, 100]).map((ms) => Math.round(ms * 1000));
  console.log(
    `${kind.padEnd(6)} p50 ${p50} us  p99 ${p99} us  max ${max} us  x${(p50! / 1000 / reference!).toFixed(2)}`,
  );
}
writer.disconnect();
reader.disconnect();
bare.disconnect();
await Promise.all([a.stop(), b.stop()]);
await server.stop();
process.exit();
