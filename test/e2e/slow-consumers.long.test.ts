import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { jsonOf, post } from '../support/client.ts';
import { metric } from '../support/metric.ts';
import {
  connectWs,
  JSON_PROTOCOL,
  type Message,
  MSGPACK_PROTOCOL,
  type WsClient,
} from '../support/ws-client.ts';

const READERS = 50;
const KEYS = Array.from({ length: 200 }, (_, i) => `calculation:${i}`);
const UPDATES = 100_000;
const WARM_UP = 30_000;
/** As many updates as V8 certainly collects garbage in. */
const MEASURED = 20_000;
/** Large enough that a tenth of the updates fills the receive buffer of the peer, some megabytes. */
const FILLER = 'x'.repeat(2000);
const MiB = 1024 * 1024;

interface Sizes {
  readonly heap: number;
  readonly rss: number;
}

async function sizes(service: Service): Promise<Sizes> {
  return {
    heap: await metric(service, 'nodejs_heap_size_used_bytes'),
    rss: await metric(service, 'process_resident_memory_bytes'),
  };
}

/** Writes all keys in turn; returns the last version of each key. */
async function update(
  service: Service,
  updates: number,
  each: () => void | Promise<void> = () => {},
): Promise<Map<string, string>> {
  const last = new Map<string, string>();
  for (let number = 0; number < updates; number += KEYS.length) {
    const entries = KEYS.map((key, i) => ({ key, value: { number: number + i, filler: FILLER }, ttl: 300 }));
    const { results } = await jsonOf(await post(service, '/v1/mset', { entries }));
    for (const { key, version } of results) last.set(key, version);
    await each();
  }
  return last;
}

/** The least memory while keys are written: the heap grows until V8 collects garbage, so one look says little. */
async function updateMeasured(
  service: Service,
  updates: number,
): Promise<Sizes & { last: Map<string, string> }> {
  const seen: Sizes[] = [];
  const last = await update(service, updates, async () => {
    seen.push(await sizes(service));
  });
  return {
    heap: Math.min(...seen.map(({ heap }) => heap)),
    rss: Math.min(...seen.map(({ rss }) => rss)),
    last,
  };
}

async function readers(
  t: TestContext,
  service: Service,
  count: number,
  wanted: Message = { values: true },
): Promise<WsClient[]> {
  const clients: WsClient[] = [];
  t.after(() => Promise.all(clients.map((ws) => ws.close())));
  for (let i = 0; i < count; i++) {
    const protocol = i % 2 === 0 ? JSON_PROTOCOL : MSGPACK_PROTOCOL;
    const ws = await connectWs(service, { protocol });
    clients.push(ws);
    await ws.subscribe({ types: ['calculation'], keys: KEYS.slice(0, 10), ...wanted });
  }
  return clients;
}

test('memory does not grow over 100,000 updates to 50 stopped readers, which then receive every latest version', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis, { WS_STALL_SECONDS: '600' });
  t.after(() => service.stop());
  const clients = await readers(t, service, READERS);
  // The first round brings the heap of V8, socket buffers and the arenas of malloc to their working size.
  // The arenas take the longest.
  for (const ws of clients) ws.pause();
  await update(service, WARM_UP);
  const before = await updateMeasured(service, MEASURED);
  assert.ok(before.heap > 0 && before.rss > 0);

  await update(service, UPDATES - MEASURED);
  const { last, ...after } = await updateMeasured(service, MEASURED);
  const bound = 24 * MiB;
  assert.ok(after.heap < before.heap + bound, `the heap was ${before.heap} and is ${after.heap}`);
  assert.ok(after.rss < before.rss + 2 * bound, `resident were ${before.rss} and are ${after.rss}`);
  for (const ws of clients) ws.resume();
  for (const ws of clients) {
    const latest = new Map<string, string>();
    let seen = 0;
    await until(
      () => {
        for (; seen < ws.events.length; seen++) latest.set(ws.events[seen]!.key, ws.events[seen]!.version);
        return KEYS.every((key) => latest.get(key) === last.get(key));
      },
      { timeoutMs: 120_000 },
    );
    let merged = 0;
    const versions = new Map<string, string>();
    for (const { event, key, version, ...more } of ws.events) {
      assert.equal(event, 'update');
      assert.ok(version > (versions.get(key) ?? ''), 'never backwards');
      versions.set(key, version);
      merged += more.merged ?? 0;
    }
    assert.ok(merged > UPDATES / 2, `${merged} were merged`);
    assert.equal(
      ws.events.length + merged,
      WARM_UP + MEASURED + UPDATES,
      'every update was pushed or merged',
    );
  }
});

const STOPPED = 8;
const TOO_MANY = { WS_MAX_PENDING_KEYS: '100', WS_STALL_SECONDS: '600' };
const STALL = { WS_STALL_SECONDS: '1' };

/** A service with one reading subscriber, and stopped subscribers whose connections it has closed. */
async function withClosed(t: TestContext, env: Record<string, string>) {
  const service = await startService({
    standalone: true,
    env: { ...PATIENT, WS_MAX_CONNECTIONS: String(STOPPED + 1), ...env },
  });
  t.after(() => service.stop());
  const [reading] = await readers(t, service, 1, { values: false });
  const open = sockets(service);
  const stopped = await readers(t, service, STOPPED);
  for (const ws of stopped) ws.pause();
  await update(service, UPDATES / 20);
  // All stopped subscribers are closed once as many others can connect.
  const others: WsClient[] = [];
  await until(async () => others.push(await connectWs(service)) === STOPPED);
  for (const ws of others) await ws.close();
  return { service, reading: reading!, stopped, open };
}

for (const [limit, reason] of [
  [TOO_MANY, 'too many keys are queued'],
  [STALL, 'the client reads nothing'],
] as const)
  test(`a slow subscriber is closed with 1013 and can read earlier frames: ${reason}`, async (t) => {
    const { reading, stopped } = await withClosed(t, limit);
    for (const ws of stopped) ws.resume();
    for (const ws of stopped) {
      assert.deepEqual(await ws.closed, { code: 1013, reason });
      assert.ok(ws.events.length > 0);
    }
    assert.equal((await reading.request('ping')).ok, true);
  });

test('the socket of a closed subscriber that never reads again is freed', async (t) => {
  // The service frees a socket that does not read its close after a part of the idle timeout.
  const { service, open } = await withClosed(t, { ...TOO_MANY, WS_IDLE_TIMEOUT_SECONDS: '8' });
  await until(() => sockets(service) === open, { timeoutMs: 60_000, everyMs: 100 });
});

/** How many sockets the service has open. */
function sockets({ pid }: Service): number {
  const folder = `/proc/${pid}/fd`;
  const isSocket = (fd: string) => {
    try {
      return readlinkSync(`${folder}/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  };
  return readdirSync(folder).filter(isSocket).length;
}
