import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { ServiceClock } from '../../src/cache/clock.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Logger } from '../../src/log.ts';
import { type Core, composeCore } from '../../src/service/compose.ts';
import { json } from '../support/replica.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

// Replicas with wrong wall clocks, in this process, on a real Redis. The clock of Redis counts.

const HOUR_MS = 3_600_000;
const SKEWS = [3000, -3000, HOUR_MS, -HOUR_MS];
const KEY = 'borrow_rate:SKEW';
const TTL_MS = 60_000;
/** The tolerated clock error of a replica: less than any skew, more than the delay of a busy machine. */
const OFF_MS = 2000;

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

interface Replica extends Core {
  readonly lines: string[];
  read(): Promise<string | undefined>;
}

/** The time of Redis, in milliseconds since the epoch. */
async function redisNow(): Promise<number> {
  const [seconds, microseconds] = (await redis.cli('TIME')).split('\n').map(Number) as [number, number];
  return seconds * 1000 + microseconds / 1000;
}

/** A replica whose wall clock is this many ms ahead. */
async function replica(t: TestContext, aheadMs: number, port = redis.port): Promise<Replica> {
  const env = { ...redisEnv({ ...redis, port }), ...PATIENT, LOCAL_CACHE_TTL: '3600' };
  const { config } = loadConfig(env, { standalone: false });
  const lines: string[] = [];
  const write = (fields: unknown, message?: string) => lines.push(message ?? String(fields));
  const log = { debug: write, info: write, warn: write, error: write } as unknown as Logger;
  const clock = new ServiceClock({
    monotonic: () => performance.now(),
    wall: () => Date.now() + aheadMs,
  });
  const core = composeCore(config, log, { clock });
  t.after(() => core.close());
  await until(() => core.cache.coherence === 'coherent');
  return {
    ...core,
    lines,
    read: async () => (await core.cache.get(KEY)).entry?.json as string | undefined,
  };
}

/** Runs `step` while the replica behind the proxy cannot reach Redis. */
async function cutOff(proxy: TcpProxy, { cache }: Replica, step: () => Promise<unknown>): Promise<void> {
  proxy.accept(false);
  proxy.cut();
  await until(() => cache.coherence === 'blind');
  await step();
  proxy.accept(true);
  await until(() => cache.coherence === 'coherent' && cache.pendingWrites!.size === 0);
}

async function withProxy(t: TestContext): Promise<TcpProxy> {
  const proxy = await startTcpProxy(redis);
  t.after(() => proxy.close());
  return proxy;
}

test('a value expires after its TTL, even if the clock of the writer or the reader is wrong', async (t) => {
  const right = await replica(t, 0);
  for (const skew of SKEWS) {
    const wrong = await replica(t, skew);
    for (const [writer, reader] of [
      [wrong, right],
      [right, wrong],
    ] as const) {
      const before = await redisNow();
      await writer.cache.set(KEY, json('"value"'), TTL_MS);
      const after = await redisNow();
      await until(async () => (await reader.cache.get(KEY)).entry?.json === '"value"');
      const { entry } = await reader.cache.get(KEY);
      const inRedis = Number(await redis.cli('PEXPIRETIME', `borrow_rate_engine:${KEY}`));
      for (const expiresAt of [entry!.expiresAt, inRedis])
        assert.ok(
          expiresAt >= before + TTL_MS - OFF_MS && expiresAt <= after + TTL_MS + OFF_MS,
          `${expiresAt - before} to ${expiresAt - after} ms at a skew of ${skew}`,
        );
      for (const { cache } of [reader, writer]) {
        const now = await redisNow();
        assert.ok(Math.abs(cache.now - now) < OFF_MS, `${cache.now - now} ms at a skew of ${skew}`);
      }
      await writer.cache.delete(KEY);
    }
    wrong.close();
  }
});

test('a pending write is applied, even after an earlier write by a replica with a wrong clock', async (t) => {
  for (const skew of SKEWS) {
    const wrong = await replica(t, skew);
    const proxy = await withProxy(t);
    const right = await replica(t, 0, proxy.port);
    await wrong.cache.set(KEY, json('"first"'));
    await until(async () => (await right.read()) === '"first"');
    await cutOff(proxy, right, async () => {
      const { status } = await right.cache.set(KEY, json('"second"'));
      assert.equal(status, 'accepted');
    });
    await until(async () => (await wrong.read()) === '"second"');
    assert.equal(right.counters.supersededChanges, 0);
    wrong.close();
  }
});

test('a pending write of a replica with a wrong clock does not overwrite a later write', async (t) => {
  for (const skew of SKEWS) {
    const proxy = await withProxy(t);
    const wrong = await replica(t, skew, proxy.port);
    const right = await replica(t, 0);
    await cutOff(proxy, wrong, async () => {
      await wrong.cache.set(KEY, json('"pending"'));
      // A replica knows the clock of Redis to half a round trip. The later write must be later by both clocks.
      const pendingAt = wrong.clock.exact;
      await until(() => right.clock.exact > pendingAt);
      await right.cache.set(KEY, json('"newer"'));
    });
    assert.equal(await right.read(), '"newer"');
    assert.equal(await wrong.read(), '"newer"');
    assert.equal(wrong.counters.supersededChanges, 1, 'the dropped write is counted');
    const dropped = wrong.lines.filter((line) => line.includes('pending write was dropped'));
    assert.equal(dropped.length, 1, 'the dropped write is logged');
    wrong.close();
    right.close();
  }
});

test('a wall clock more than 250 ms from the clock of Redis is logged once and has a metric', async (t) => {
  for (const skew of SKEWS) {
    const { lines, clock, cache } = await replica(t, skew);
    await cache.set(KEY, json('1'));
    const logged = lines.filter((line) => line.includes('clock of this machine differs'));
    assert.equal(logged.length, 1);
    assert.ok(Math.abs(clock.wallOffsetMs + skew) < OFF_MS, `${clock.wallOffsetMs}`);
  }
  const { lines } = await replica(t, 0);
  assert.deepEqual(
    lines.filter((line) => line.includes('clock of this machine')),
    [],
  );
});
