/** A client that writes and waits until the change has come back to it, by one of several ways. */
import { Redis } from 'ioredis';
import { RawWs } from '../../../loadtest/support/raw-ws.ts';
import { VersionClock } from '../../../src/cache/version.ts';
import { pack } from '../../../src/redis/envelope.ts';
import { serveWork } from './serve-work.ts';

const [way, ...ports] = process.argv.slice(2);
const [redisPort, replicaA, replicaB] = ports.map(Number);
const KEY = 'borrow_rate:PUSHED';
const STORED_KEY = `borrow_rate_engine:${KEY}`;
const LIFE_MS = 300_000;
const LIMITS = { compressionThresholdBytes: 0, maxValueBytes: 1 << 20 };

const versions = new VersionClock('be4c4000');
const writer = new Redis({ port: redisPort!, protocol: 2 });
let arrived: () => void = () => {};

/** What writes the i-th change, and what has subscribed to it. */
const WAYS: Readonly<Record<string, { subscribe: () => Promise<unknown>; write: (i: number) => unknown }>> = {
  update: { subscribe: subscribeWebSocket, write: set },
  put: { subscribe: subscribeWebSocket, write: put },
  tracking: { subscribe: track, write: set },
};

const { subscribe, write } = WAYS[way!]!;
await subscribe();
serveWork((i) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  arrived = resolve;
  write(i);
  return promise;
});

/** Stores the value as a replica would. */
function set(i: number): unknown {
  const now = Date.now();
  const value = { encoding: 'json', body: `{"rate":0.0525,"borrow_rate":0.0111,"n":${i}}` } as const;
  return writer.set(STORED_KEY, pack(value, versions.next(), now, now + LIFE_MS, LIMITS));
}

function put(i: number): unknown {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(`http://127.0.0.1:${replicaA}/v1/cache/${KEY}`, { method: 'PUT', body: String(i), headers });
}

async function subscribeWebSocket(): Promise<void> {
  const socket = await RawWs.open(replicaB!);
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.onFrame = () => resolve();
  socket.send(JSON.stringify({ id: 1, op: 'subscribe', keys: [KEY], values: true }));
  await promise;
  socket.onFrame = () => arrived();
}

async function track(): Promise<void> {
  const listener = new Redis({ port: redisPort!, protocol: 2 });
  const reader = new Redis({ port: redisPort!, protocol: 2 });
  const id = String(await listener.client('ID'));
  await listener.client('TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', STORED_KEY);
  await listener.subscribe('__redis__:invalidate');
  listener.on('messageBuffer', () => void reader.getBuffer(STORED_KEY).then(arrived));
}
