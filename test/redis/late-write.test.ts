import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { TYPES } from '../../src/cache/key.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { connect } from '../../src/redis/connect.ts';
import { RedisStore } from '../../src/redis/redis-store.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const KEY = 'borrow_rate:LATE';

test('a change that lay in a socket for seconds does not undo what another replica wrote meanwhile', async (t) => {
  const server = await startRedis();
  const proxy = await startTcpProxy(server);
  t.after(() => server.stop());
  t.after(() => proxy.close());
  const slow = await storeAt(t, proxy.port, 50);
  const other = await storeAt(t, server.port, 5000);
  // The one that is slow writes twice: a set of one key, and a delete of another.
  await other.write(writeOf('volatility:LATE', '"kept"', new VersionClock('0000000b').next()));
  const clock = new VersionClock('0000000a');
  proxy.freeze({ direction: 'up' });
  const timedOut = { reason: 'timeout' };
  await Promise.all([
    assert.rejects(slow.write(writeOf(KEY, '"late"', clock.next())), timedOut),
    assert.rejects(slow.remove({ key: 'volatility:LATE', version: clock.next() }), timedOut),
  ]);

  const newer = new VersionClock('0000000b');
  await other.write(writeOf(KEY, '"newer"', newer.next()));
  await other.write(writeOf('volatility:LATE', '"newer"', newer.next()));
  // As old as a change may get whose stamp would still be raised.
  const old = Date.now() + 2200;
  await until(() => Date.now() > old, { timeoutMs: 10_000 });
  const written = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await server.cli('INFO', 'commandstats'))?.[1]);
  const before = await written();
  proxy.thaw();
  await until(async () => (await written()) > before);

  assert.equal((await other.read(KEY))?.json, '"newer"');
  assert.equal((await other.read('volatility:LATE'))?.json, '"newer"');
});

function writeOf(key: string, body: string, version: string) {
  return { key, value: { encoding: 'json', body }, version, storedAt: Date.now(), ttlMs: 60_000 } as const;
}

async function storeAt(t: { after(step: () => void): void }, port: number, commandTimeoutMs: number) {
  const counters = new Counters();
  const address = {
    host: '127.0.0.1',
    port,
    username: undefined,
    password: undefined,
    db: 0,
    connectTimeoutMs: 2000,
  };
  const redis = connect(address, 'test', counters);
  t.after(() => redis.disconnect());
  await once(redis, 'ready');
  const ttls = TYPES.map(() => 60_000);
  const limits = { compressionThresholdBytes: 0, maxValueBytes: 1 << 20 };
  const options = {
    ...limits,
    keyPrefix: 'test:',
    commandTimeoutMs,
    ttls,
    channel: undefined,
    origin: 'test',
  };
  const store = new RedisStore(options, { data: redis, admin: redis, counters, onUnreadable: () => {} });
  // The script is known to Redis from here on, so that the late change is one command.
  await store.remove({ key: 'borrow_rate:NONE' });
  return store;
}
