import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { PREFIX } from '../consistency/foreign-writer.ts';
import { get, post, put } from '../support/client.ts';
import {
  becomesCoherent,
  healthOf,
  keysByMaster,
  openCluster,
  openService,
  slotOf,
  statusOf,
} from './support.ts';

interface Item {
  readonly key: string;
  readonly status: string;
  readonly value?: unknown;
}

async function resultsOf(answer: Response): Promise<Item[]> {
  return ((await answer.json()) as { results: Item[] }).results;
}

test('writes, batches, listings, counts and flushes cover all masters', async (t) => {
  const cluster = await openCluster(t);
  const service = await openService(t, cluster);
  const keys = [...(await keysByMaster(cluster, 40)).values()].flat().sort();

  await t.test('a batch is answered in the order of the request', async () => {
    const entries = keys.map((key, i) => ({ key, value: i }));
    assert.deepEqual(
      (await resultsOf(await post(service, '/v1/mset', { entries }))).map(({ key, status }) => [key, status]),
      keys.map((key) => [key, 'stored']),
    );
    assert.deepEqual(
      (await resultsOf(await post(service, '/v1/mget', { keys }))).map(({ key, value }) => [key, value]),
      keys.map((key, i) => [key, i]),
    );
  });

  await t.test(
    'a repeated write is recognised on every master, and does not overwrite a later value',
    async () => {
      const entries = keys.map((key, i) => ({ key, value: i, idempotencyKey: 'batch' }));
      const first = await resultsOf(await post(service, '/v1/mset', { entries }));
      const later = keys.map((key, i) => ({ key, value: i }));
      await post(service, '/v1/mset', { entries: later });
      assert.deepEqual(await resultsOf(await post(service, '/v1/mset', { entries })), first);
    },
  );

  await t.test('a listing returns each key of each master once', async () => {
    const listed: string[] = [];
    let cursor: string | null = '';
    do {
      const page = await service.fetch(`/v1/keys?limit=7&type=min_rate&cursor=${cursor}`);
      const body = (await page.json()) as { keys: { key: string }[]; cursor: string | null };
      listed.push(...body.keys.map(({ key }) => key));
      cursor = body.cursor;
    } while (cursor !== null);
    assert.deepEqual(listed.sort(), keys);
  });

  await t.test('/stats counts the keys of all masters, and lists each master', async () => {
    await until(async () => {
      const stats = (await (await service.fetch('/stats')).json()) as {
        keys_count: number;
        servers: { keys_count: number }[];
      };
      assert.equal(stats.keys_count, keys.length);
      assert.deepEqual(
        stats.servers.map(({ keys_count }) => keys_count),
        [40, 40, 40],
      );
      return true;
    });
  });

  await t.test('/health and /metrics report each master', async () => {
    // On a busy machine, a master may answer PING or INFO late, which counts for a second.
    await until(async () => {
      const { status, redis } = await healthOf(service);
      assert.equal(status, 'healthy');
      assert.deepEqual(
        redis.servers.map(({ coherence }) => coherence),
        ['coherent', 'coherent', 'coherent'],
      );
      const metrics = await (await service.fetch('/metrics')).text();
      for (const { server } of redis.servers) {
        assert.ok(metrics.includes(`cache_coherence_state{state="coherent",server="${server}"} 1`));
        assert.ok(metrics.includes(`redis_breaker_open{server="${server}"} 0`));
        assert.ok(metrics.includes(`redis_memory_used_bytes{server="${server}"}`));
      }
      return true;
    });
  });

  await t.test('an invalidation by pattern deletes the keys of all masters', async () => {
    const answer = await post(service, '/v1/invalidate', { pattern: 'min_rate:K1*' });
    const expected = keys.filter((key) => key.startsWith('min_rate:K1')).length;
    assert.match(await answer.text(), new RegExp(`"invalidated":${expected}\\b`));
  });

  await t.test('a flush deletes the keys of all masters', async () => {
    await (await post(service, '/v1/flush')).arrayBuffer();
    const left = await resultsOf(await post(service, '/v1/mget', { keys }));
    assert.ok(left.every(({ status }) => status === 'miss'));
  });
});

test('every change at any master reaches L1 of every replica', async (t) => {
  const cluster = await openCluster(t);
  const [one, other] = [await openService(t, cluster), await openService(t, cluster)];
  const masters = [...(await keysByMaster(cluster, 2)).values()];
  for (const [byReplica, byProgram] of masters as [string, string][]) {
    await (await put(one, byReplica, '1')).arrayBuffer();
    await (await put(one, byProgram, '1')).arrayBuffer();
    for (const key of [byReplica, byProgram])
      await until(async () => (await statusOf(other, key)).startsWith('ratecache-l1; hit'));
    await (await put(one, byReplica, '2')).arrayBuffer();
    await until(async () => (await (await get(other, byReplica)).text()) === '2');
    await cluster.cli(PREFIX + byProgram, 'DEL', PREFIX + byProgram);
    await until(async () => (await get(other, byProgram)).status === 404);
  }
});

test('a program that publishes on the channel makes every replica drop keys of every master', async (t) => {
  const cluster = await openCluster(t);
  const service = await openService(t, cluster);
  const keys = [...(await keysByMaster(cluster, 1)).values()].flat();
  for (const key of keys) {
    await (await put(service, key, '1')).arrayBuffer();
    await until(async () => (await statusOf(service, key)).startsWith('ratecache-l1; hit'));
  }
  await cluster.servers[0]!.cli('PUBLISH', 'cache_invalidation', JSON.stringify({ keys }));
  for (const key of keys)
    await until(async () => (await statusOf(service, key)).startsWith('ratecache-l2; hit'));
});

test('the loss of one master does not affect L1, reads and writes of the keys of other masters', async (t) => {
  // The replica of the lost master must not replace it during the test.
  const cluster = await openCluster(t, { nodeTimeoutMs: 600_000 });
  const service = await openService(t, cluster, { REDIS_COMMAND_TIMEOUT_MS: '2000' });
  const byMaster = await keysByMaster(cluster, 2);
  const [lost, kept] = [...byMaster.keys()] as [number, number, number];
  for (const key of [...byMaster.values()].flat()) {
    await (await put(service, key, '1')).arrayBuffer();
    await until(async () => (await statusOf(service, key)).startsWith('ratecache-l1; hit'));
  }
  await cluster.servers.find(({ port }) => port === lost)!.signal('SIGKILL');
  const [lostKey, lostKey2] = byMaster.get(lost)!;
  const [keptKey, keptKey2] = byMaster.get(kept)!;
  await until(async () => (await statusOf(service, lostKey!)).includes('coherence=blind'));

  assert.match(await statusOf(service, keptKey!), /^ratecache-l1; hit; ttl=\d+$/);
  assert.match(await statusOf(service, lostKey!), /^ratecache-l1; hit; .*detail=l2-\w+; coherence=blind$/);
  assert.equal((await put(service, keptKey2!, '2')).status, 204);
  assert.equal((await put(service, lostKey2!, '2')).status, 202);
  assert.equal(await (await get(service, keptKey2!)).text(), '2');
  assert.equal(await (await get(service, lostKey2!)).text(), '2');

  // The answer of a master to INFO counts for a second.
  const unreachable = `Redis 127.0.0.1:${lost} is unreachable`;
  await until(async () => (await healthOf(service)).reasons.join().includes(unreachable));
  const { status, redis, pending_writes } = await healthOf(service);
  assert.equal(status, 'degraded');
  assert.equal(pending_writes.entries, 1);
  assert.deepEqual(
    redis.servers.filter(({ coherence }) => coherence !== 'coherent').map(({ server }) => server),
    [`127.0.0.1:${lost}`],
  );
});

test('while a slot moves, its keys are read and written at the master that has them (ASK)', async (t) => {
  const cluster = await openCluster(t);
  const service = await openService(t, cluster);
  const [[, keys], [toPort]] = [...(await keysByMaster(cluster, 1))] as [
    [number, string[]],
    [number, string[]],
  ];
  const [staying] = keys as [string];
  const slot = String(slotOf(staying));
  // Another key of the same slot, because the prefix and the tag of the first key decide the slot.
  const absent = `other:{${PREFIX}${staying}}`;
  assert.equal(slotOf(`{${PREFIX}${staying}}`), Number(slot));
  const from = await cluster.ownerOf(PREFIX + staying);
  const to = cluster.servers.find(({ port }) => port === toPort)!;
  await (await put(service, staying, '1')).arrayBuffer();
  const [fromId, toId] = await Promise.all([from.cli('CLUSTER', 'MYID'), to.cli('CLUSTER', 'MYID')]);
  await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);

  assert.equal((await put(service, absent, '7')).status, 201);
  assert.equal(await (await get(service, absent)).text(), '7');
  assert.equal((await put(service, staying, '2')).status, 204);
  const asking = new Redis(to.port);
  t.after(() => asking.disconnect());
  const [, [, stored]] = (await asking
    .pipeline()
    .call('ASKING')
    .exists(PREFIX + absent)
    .exec()) as [unknown, [unknown, number]];
  assert.equal(stored, 1);

  const mixed = await resultsOf(
    await post(service, '/v1/mset', {
      entries: [
        { key: staying, value: 3 },
        { key: absent, value: 8 },
      ],
    }),
  );
  assert.deepEqual(
    mixed.map(({ status }) => status),
    ['stored', 'stored'],
  );
  const both = await resultsOf(await post(service, '/v1/mget', { keys: [staying, absent] }));
  assert.deepEqual(
    both.map(({ value }) => value),
    [3, 8],
  );

  // The move ends: from now on the old master answers MOVED.
  await from.cli('MIGRATE', '127.0.0.1', String(to.port), PREFIX + staying, '0', '5000');
  for (const node of [to, from]) await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
  assert.equal((await put(service, staying, '4')).status, 204);
  assert.equal(await (await get(service, absent)).text(), '8');
  assert.equal(await (await get(service, staying)).text(), '4');
  assert.equal((await healthOf(service)).pending_writes.entries, 0);
});

test('L1 drops the keys of slots that moved, and keeps the others', async (t) => {
  const cluster = await openCluster(t);
  // The move of the slots takes a while on a busy machine. No key expires meanwhile.
  const service = await openService(t, cluster, { LOCAL_CACHE_TTL: '3600' });
  const byMaster = await keysByMaster(cluster, 30);
  const all = [...byMaster.values()].flat();
  await (await post(service, '/v1/mset', { entries: all.map((key) => ({ key, value: 1 })) })).arrayBuffer();
  for (const key of all)
    await until(async () => (await statusOf(service, key)).startsWith('ratecache-l1; hit'));
  const [fromPort, toPort] = [...byMaster.keys()] as [number, number];
  const [from, to] = [fromPort, toPort].map((port) => cluster.servers.find((each) => each.port === port)!);
  await cluster.reshard(16_384, from!, to!);
  await until(async () => (await healthOf(service)).redis.servers.length === 2);
  await becomesCoherent(service);

  for (const port of [...byMaster.keys()].slice(1))
    for (const key of byMaster.get(port)!)
      assert.match(await statusOf(service, key), /^ratecache-l1; hit; ttl=\d+$/);
  for (const key of byMaster.get(fromPort)!) assert.match(await statusOf(service, key), /^ratecache-l2; hit/);
});

test('a replica is connected in advance, and is used over these connections when its master hands over', async (t) => {
  const cluster = await openCluster(t);
  const service = await openService(t, cluster);
  const [[port, [key]]] = [...(await keysByMaster(cluster, 1))] as [[number, [string]]];
  const master = cluster.servers.find((each) => each.port === port)!;
  const replica = await cluster.replicaOf(master);
  const clientsOf = async (server: RedisServer) =>
    (await server.cli('CLIENT', 'LIST'))
      .split('\n')
      .filter((line) => line.includes(' name=ratecache-'))
      .map((line) => ({
        name: /name=ratecache-(\w+)/.exec(line)![1]!,
        id: /^id=(\d+)/.exec(line)![1]!,
        subscriptions: Number(/ sub=(\d+)/.exec(line)![1]),
      }))
      .sort((a, b) => a.name.localeCompare(b.name));
  const names = ['admin', 'data', 'link'];
  const areConnected = async (server: RedisServer) => {
    const clients = await clientsOf(server);
    return clients.map(({ name }) => name).join() === names.join() ? clients : undefined;
  };
  const before = await until(() => areConnected(replica), { timeoutMs: 30_000 });
  // A second link would report each change twice.
  assert.ok(before.every(({ subscriptions }) => subscriptions === 0));

  await (await put(service, key, '1')).arrayBuffer();
  await cluster.failover(replica);
  assert.equal(await (await get(service, key)).text(), '1');
  await becomesCoherent(service);
  await until(async () => (await statusOf(service, key)).startsWith('ratecache-l1; hit'));
  const after = await clientsOf(replica);
  assert.deepEqual(
    after.map(({ id }) => id),
    before.map(({ id }) => id),
  );
  assert.ok(after.find(({ name }) => name === 'link')!.subscriptions > 0);

  // The old master is a replica now. Its link has ended.
  const demoted = await until(async () => {
    const clients = await clientsOf(master);
    return clients.length === names.length && clients.every(({ subscriptions }) => subscriptions === 0);
  });
  assert.ok(demoted);
});

test('the permissions of docs/deployment/cluster.md are enough', async (t) => {
  const acl = readFileSync(new URL('../../deploy/redis/users-cluster.acl', import.meta.url), 'utf8');
  const page = readFileSync(new URL('../../docs/deployment/cluster.md', import.meta.url), 'utf8');
  const [rules] = /resetkeys .*$/m.exec(acl.slice(acl.indexOf('user ratecache')))!;
  const [more] = /^.*\+asking .*$/m.exec(page)!;
  assert.ok(rules.endsWith(` ${more}`));
  const user = ['ratecache', 'on', '>secret', ...rules.split(' ')];
  const cluster = await openCluster(t, { args: ['--user', ...user] });
  const service = await openService(t, cluster, { REDIS_USERNAME: 'ratecache', REDIS_PASSWORD: 'secret' });
  const keys = [...(await keysByMaster(cluster, 1)).values()].flat();
  for (const key of keys) assert.equal((await put(service, key, '1')).status, 201);
  await (await post(service, '/v1/flush')).arrayBuffer();
  for (const key of keys) assert.equal((await get(service, key)).status, 404);
  await until(async () => {
    const { status, reasons } = await healthOf(service);
    assert.deepEqual([status, reasons], ['healthy', []]);
    return true;
  });
  const denied = await Promise.all(
    cluster.servers.map(async (server) => (await server.cli('ACL', 'LOG')).replace(/\s+/g, ' ')),
  );
  assert.deepEqual(
    denied.filter((log) => log !== ''),
    [],
  );
});
