import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { openConnection } from '../support/redis-connection.ts';
import { openStore } from '../support/redis-store.ts';
import { writeOf } from '../support/replica.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const LARGE = JSON.stringify('x'.repeat(300_000));

test('known large values are read in slices of 1 MiB on the bulk connection', async (t) => {
  const { server, store, write } = await opened(t);
  const keys = Array.from({ length: 16 }, (_, i) => `large:${i}`);
  await Promise.all(keys.map((key) => store.write(write(key, LARGE))));
  const mgets = async () =>
    Number(/cmdstat_mget:calls=(\d+)/.exec(await server.cli('INFO', 'commandstats'))?.[1] ?? 0);
  const before = await mgets();
  const entries = await Promise.all([...keys, 'small:A'].map((key) => store.read(key)));
  assert.deepEqual(
    entries.map((entry) => entry?.json.length),
    [...keys.map(() => LARGE.length), undefined],
  );
  // Three values of 300 KB fit into a slice; the small value needs its own command.
  assert.equal((await mgets()) - before, 6 + 1);
});

test('a value that became small is read on the data connection again', async (t) => {
  const { store, write, lastCommand, other } = await opened(t);
  await store.write(write('k', LARGE));
  await other.write(write('k', '"small"'));
  assert.equal((await store.read('k'))?.json, '"small"');
  assert.equal(await lastCommand('bulk'), 'mget');
  await store.write(write('other', '1'));
  assert.equal((await store.read('k'))?.json, '"small"');
  assert.equal(await lastCommand('data'), 'mget');
});

test('changes of one key take effect in order, whatever their size and whichever connection is slow', async (t) => {
  for (const slow of ['data', 'bulk'] as const) {
    const { store, write, freeze, thaw, ping } = await opened(t);
    // Loads the script on Redis, so that every change is one command.
    await store.write(write('warm:A', LARGE));
    await store.write(write('warm:B', '1'));
    for (const values of [
      ['"small"', LARGE],
      [LARGE, '"small"'],
      ['"a"', LARGE, '"b"', LARGE, '"c"'],
    ]) {
      freeze(slow);
      const outcomes: Promise<unknown>[] = [];
      for (const value of values) {
        outcomes.push(store.write(write('k', value)));
        // Each change gets its own turn of the event loop.
        await new Promise((resolve) => setImmediate(resolve));
      }
      // Gives a later change time to overtake.
      for (let i = 0; i < 3; i++) await ping();
      thaw(slow);
      await Promise.all(outcomes);
      assert.equal(
        (await store.read('k'))?.json.toString(),
        values.at(-1),
        `${slow}: ${values.length} changes`,
      );
    }
  }
});

test('a read after a large write of its key sees that write, and later reads see nothing older', async (t) => {
  const { store, write, freeze, thaw } = await opened(t);
  await store.write(write('k', LARGE));
  await store.write(write('k', '"small"'));
  freeze('bulk');
  const written = store.write(write('k', LARGE));
  await new Promise((resolve) => setImmediate(resolve));
  const read = store.read('k');
  await new Promise((resolve) => setImmediate(resolve));
  const removed = store.remove({ key: 'k', version: new VersionClock('0000000c').next() });
  thaw('bulk');
  await written;
  assert.equal((await read)?.json.toString(), LARGE);
  assert.equal((await removed).status, 'deleted');
  assert.equal(await store.read('k'), undefined);
});

/** A store with a bulk connection for large values; each connection has its own proxy. */
async function opened(t: TestContext) {
  const server = await startRedis();
  t.after(() => server.stop());
  const proxies = { data: await startTcpProxy(server), bulk: await startTcpProxy(server) };
  t.after(() => Promise.all(Object.values(proxies).map((proxy) => proxy.close())));
  const [data, bulk] = await Promise.all([connected(t, proxies.data), connected(t, proxies.bulk)]);
  const [otherData] = await Promise.all([connected(t, server)]);
  const versions = new VersionClock('0000000a');
  const ids = { data: await data.client('ID'), bulk: await bulk.client('ID') };
  /** The last command of this connection. */
  const lastCommand = async (which: 'data' | 'bulk') => {
    const list = await server.cli('CLIENT', 'LIST', 'ID', String(ids[which]));
    return /cmd=(\S+)/.exec(list)![1];
  };
  return {
    server,
    store: openStore({ data, bulk: () => bulk }),
    other: openStore({ data: otherData, bulk: () => otherData }),
    write: (key: string, body: string) => {
      const value = { encoding: 'json', body: body.length > 1000 ? Buffer.from(body) : body } as const;
      return writeOf(key, value, versions.next());
    },
    lastCommand,
    /** Uses a connection without a proxy. */
    ping: () => otherData.ping(),
    freeze: (which: 'data' | 'bulk') => proxies[which].freeze(),
    thaw: (which: 'data' | 'bulk') => proxies[which].thaw(),
  };
}

async function connected(t: TestContext, where: Pick<RedisServer, 'port'>): Promise<Redis> {
  const { redis } = openConnection(t, where);
  await once(redis, 'ready');
  return redis;
}
