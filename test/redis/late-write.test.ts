import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { VersionClock } from '../../src/cache/version.ts';
import type { RedisStoreDeps } from '../../src/redis/redis-store.ts';
import { openConnection } from '../support/redis-connection.ts';
import { openStore } from '../support/redis-store.ts';
import { writeOf } from '../support/replica.ts';
import { syncedClock } from '../support/synced-clock.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const TIMED_OUT = { reason: 'timeout' };
const LATE_TIMED_OUT = { ...TIMED_OUT, message: /after its deadline/ };

const one = new VersionClock('0000000a');
const other = new VersionClock('0000000b');

test('a change that reaches Redis after its time-out is not applied, whatever is stored', async (t) => {
  const { server, slow, fast, proxy } = await setUp(t);
  await fast.write(writeOf('deleted:over', '"old"', other.next()));
  await fast.write(writeOf('deleted', '"old"', other.next()));
  await fast.write(writeOf('late', '"old"', other.next()));
  proxy.freeze({ direction: 'up' });
  await Promise.all(
    [
      slow.write(writeOf('late', '"late"', one.next())),
      slow.write(writeOf('late:nothing there', '"late"', one.next())),
      slow.write(writeOf('late:over', '"late"', one.next())),
      slow.remove({ key: 'deleted', version: one.next() }),
      slow.remove({ key: 'deleted:over', version: one.next() }),
    ].map((change) => assert.rejects(change, TIMED_OUT)),
  );
  await fast.write(writeOf('late:over', '"newer"', other.next()));
  await fast.write(writeOf('deleted:over', '"newer"', other.next()));
  await proxy.thawAndCount(server);

  const bodies = async (...keys: string[]) =>
    Promise.all(keys.map(async (key) => (await fast.read(key))?.json));
  assert.deepEqual(await bodies('late', 'late:nothing there', 'late:over'), ['"old"', undefined, '"newer"']);
  assert.deepEqual(await bodies('deleted', 'deleted:over'), ['"old"', '"newer"']);
});

test('a change that Redis finds late fails as a time-out and puts the clock in doubt', async (t) => {
  const { server } = await setUp(t);
  // The deadlines of this clock lie in the past, so Redis applies none of its changes.
  const behind = clockAt(-120_000);
  const store = await storeAt(t, server.port, 30_000, behind);
  await assert.rejects(store.write(writeOf('k', '1', one.next())), LATE_TIMED_OUT);
  assert.equal(behind.doubted, true);
  await assert.rejects(store.remove({ key: 'k', version: one.next() }), LATE_TIMED_OUT);
});

test('only a stamp that Redis lowers puts the clock in doubt', async (t) => {
  const { server } = await setUp(t);
  const clock = clockAt(0);
  const store = await storeAt(t, server.port, 30_000, clock);
  const now = new VersionClock('0000000a');
  const [older, newer] = [now.next(), now.next()];
  await store.write(writeOf('k', '1', newer));
  await store.write(writeOf('k', '1', older));
  await store.remove({ key: 'k', version: now.next() });
  assert.equal(clock.doubted, false);
  const ahead = new VersionClock('0000000a', () => Date.now() + 60_000);
  await store.write(writeOf('k', '1', ahead.next()));
  assert.equal(clock.doubted, true);
});

test('a pending write has a later deadline than a change with a waiting client', async (t) => {
  const { server, slow, fast, proxy } = await setUp(t);
  proxy.freeze({ direction: 'up' });
  const live = assert.rejects(slow.write(writeOf('live', '1', one.next())), TIMED_OUT);
  const late = slow.write({ ...writeOf('late', '1', one.next()), late: true });
  await live;
  await proxy.thawAndCount(server);
  assert.equal((await late).status, 'created');
  assert.equal(await fast.read('live'), undefined);
});

test('a delayed deletion by match keeps values that were written after its request', async (t) => {
  const { slow, fast, proxy } = await setUp(t);
  await fast.write(writeOf('volatility:old', '"old"', other.next()));
  const both = await fast.write(writeOf('volatility:both', '"old"', other.next()));
  // Two writers may use the same stamp within one millisecond.
  one.observe(both.version!);
  const deletedAsOf = one.next();
  other.observe(deletedAsOf);
  proxy.freeze({ direction: 'up' });
  const removal = slow.removeMatching({ type: 1 }, deletedAsOf);
  await fast.write(writeOf('volatility:both', '"newer"', other.next()));
  await fast.write(writeOf('volatility:new', '"newer"', other.next()));
  proxy.thaw();
  assert.equal(await removal, 1);
  assert.equal(await fast.read('volatility:old'), undefined);
  assert.equal((await fast.read('volatility:both'))?.json, '"newer"');
  assert.equal((await fast.read('volatility:new'))?.json, '"newer"');
});

test('the store sends no command before the clock of Redis is known', async (t) => {
  const { server } = await setUp(t);
  const clock = { ...clockAt(0), synced: false };
  const store = await storeAt(t, server.port, 30_000, clock);
  const unavailable = { reason: 'unavailable' };
  await assert.rejects(store.write(writeOf('k', '1', one.next())), unavailable);
  await assert.rejects(store.remove({ key: 'k', version: one.next() }), unavailable);
  await assert.rejects(store.read('k'), unavailable);
  clock.synced = true;
  assert.equal((await store.write(writeOf('k', '1', one.next()))).status, 'created');
});

/** A clock that is this many ms ahead of Redis. */
function clockAt(ms: number) {
  const now = Date.now() + ms;
  return {
    now,
    reached: now,
    synced: true,
    doubted: false,
    doubt() {
      this.doubted = true;
    },
  };
}

/** Two stores on one Redis: `slow` uses a proxy and a short time-out, `fast` uses neither. */
async function setUp(t: TestContext) {
  const server = await startRedis();
  t.after(() => server.stop());
  const proxy = await startTcpProxy(server);
  t.after(() => proxy.close());
  const slow = await storeAt(t, proxy.port, 200);
  const fast = await storeAt(t, server.port, 5000);
  // Loads the script on Redis, so that every later change is one command.
  await until(() => slow.remove({ key: 'none', version: one.next() }));
  return {
    server,
    slow,
    fast,
    proxy: {
      ...proxy,
      /** Releases the held commands and waits until Redis has run a script. */
      async thawAndCount(redis: RedisServer) {
        const before = await scriptCalls(redis);
        proxy.thaw();
        await until(async () => (await scriptCalls(redis)) > before);
      },
    },
  };
}

async function scriptCalls(redis: RedisServer): Promise<number> {
  const stats = await redis.cli('INFO', 'commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

async function storeAt(
  t: TestContext,
  port: number,
  commandTimeoutMs: number,
  clock: RedisStoreDeps['clock'] = syncedClock(),
) {
  const { redis, counters } = openConnection(t, { port });
  await once(redis, 'ready');
  return openStore({ data: redis, counters, clock }, { commandTimeoutMs });
}
