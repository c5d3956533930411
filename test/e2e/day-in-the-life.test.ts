/** One day of a desk: a sheet, a feed that dies, a halt, the next sheet. It uses three replicas, and kills one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import type { Service } from '../../loadtest/target/service.ts';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/node.ts';
import { JSON_TYPE, jsonOf, post } from '../support/client.ts';

const KEY = 'borrow_rate:GME';
const OTHER = 'borrow_rate:AAPL';

let redis: RedisServer;
let replicas: Service[];
/** One client with a near cache at each replica. */
let clients: Client[];

before(async () => {
  redis = await startRedis();
  replicas = await Promise.all([startReplica(redis), startReplica(redis), startReplica(redis)]);
  clients = await Promise.all(
    replicas.map(({ url }) => connect(url.replace('http', 'ws'), { nearCache: {}, timeoutMs: 30_000 })),
  );
});

after(async () => {
  await Promise.all((clients ?? []).map((client) => client.close()));
  await Promise.all((replicas ?? []).map((replica) => replica.stop('SIGKILL')));
  await redis?.stop();
});

/** A sheet, as a data service loads it. */
async function load(by: Service, rates: Record<string, number>): Promise<void> {
  const asOf = Date.now();
  const entries = Object.entries(rates).map(([key, value]) => ({
    key,
    value,
    asOf,
    source: 'ibkr',
    ifNewer: true,
  }));
  const { results } = await jsonOf(await post(by, '/v1/mset', { entries }));
  for (const { status } of results) assert.equal(status, 'stored');
}

async function heartbeat(by: Service, ttl: number): Promise<void> {
  const { status } = await by.fetch('/v1/sources/ibkr', {
    method: 'PUT',
    headers: { 'content-type': JSON_TYPE },
    body: JSON.stringify({ types: ['borrow_rate'], ttl }),
  });
  assert.equal(status, 200);
}

/** Waits until every living client reads the key in this way, also from its near cache. */
async function everyoneReads(key: string, expected: { value?: number; quality: string }): Promise<void> {
  for (const client of clients)
    await until(async () => {
      const [{ value, quality }] = await client.getMany([key]);
      return value === expected.value && quality === expected.quality;
    });
  for (const replica of replicas) {
    const { results } = await jsonOf(await post(replica, '/v1/mget', { keys: [key] }));
    assert.deepEqual(
      [results[0].value, results[0].quality ?? 'good'],
      [expected.value, expected.quality],
      replica.url,
    );
  }
}

test('a day in the life: sheet at six, feed dead at seven, halt at eight, new sheet at nine', async () => {
  const [first, second] = replicas as [Service, Service, Service];

  // Six: the sheet is loaded, and the feed is alive.
  await heartbeat(first, 3600);
  await load(first, { [KEY]: 1, [OTHER]: 10 });
  await everyoneReads(KEY, { value: 1, quality: 'good' });
  await everyoneReads(OTHER, { value: 10, quality: 'good' });

  // Seven: the last heartbeat. Every replica and every near cache notices that no other follows.
  await heartbeat(second, 0.05);
  await everyoneReads(KEY, { value: 1, quality: 'suspect' });
  await everyoneReads(OTHER, { value: 10, quality: 'suspect' });

  // One replica is killed. The others keep what they know.
  await replicas.pop()!.stop('SIGKILL');
  await clients.pop()!.close();
  await everyoneReads(KEY, { value: 1, quality: 'suspect' });

  // Eight: a corporate action halts one ticker.
  const mark = { keys: [KEY], state: 'halted', reason: 'halted until nine', ttl: 3600 };
  assert.equal((await post(first, '/v1/marks', mark)).status, 201);
  await everyoneReads(KEY, { quality: 'halted' });
  await everyoneReads(OTHER, { value: 10, quality: 'suspect' });

  // A replica that starts now learns both.
  const third = await startReplica(redis);
  replicas.push(third);
  clients.push(await connect(third.url.replace('http', 'ws'), { nearCache: {}, timeoutMs: 30_000 }));
  await everyoneReads(KEY, { quality: 'halted' });

  // Nine: the new sheet heals its keys before the feed is alive. The halt stays until it is removed.
  await load(third, { [KEY]: 2, [OTHER]: 20 });
  await everyoneReads(OTHER, { value: 20, quality: 'good' });
  await everyoneReads(KEY, { quality: 'halted' });
  const removed = await jsonOf(await post(second, '/v1/unmark', { keys: [KEY] }));
  assert.deepEqual(removed, { removed: 1 });
  await everyoneReads(KEY, { value: 2, quality: 'good' });
  await heartbeat(first, 3600);
  await everyoneReads(OTHER, { value: 20, quality: 'good' });
});
