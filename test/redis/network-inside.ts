/**
 * The tests of `network.long.test.ts`, which runs this file in its own network namespace. Redis runs in this namespace.
 * The service runs in another one, and a cable leads to each Redis. A cable that is cut drops all packets.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { startCluster } from '../../loadtest/target/cluster.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';
import { tether } from '../../loadtest/target/tether.ts';
import { PREFIX } from '../consistency/foreign-writer.ts';
import { becomesCoherent, healthOf, keysByMaster, statusOf } from '../redis-cluster/support.ts';
import { get, put } from '../support/client.ts';

const ENV = { ...PATIENT, REDIS_COMMAND_TIMEOUT_MS: '2000', HEARTBEAT_TIMEOUT_MS: '5000' };
/** Redis is reachable on each cable. The namespace has no other network. */
const OPEN = ['--bind', '0.0.0.0', '--protected-mode', 'no'];
const RECOVERY = { timeoutMs: 60_000 };

/** The number of cables so far. The kernel removes them some time after the end of their namespace. */
let cables = 0;

await run('ip', 'link', 'set', 'lo', 'up');

test('one server: reads are answered from L1, writes are pending, and missed changes are noticed', async (t) => {
  const net = await openNetwork(t);
  const redis = await startRedis({ args: OPEN });
  t.after(() => redis.stop());
  const cable = await net.cable();
  const service = await net.serve({ REDIS_HOST: cable.address, REDIS_PORT: String(redis.port) });
  const keys = ['min_rate:A', 'min_rate:B'] as const;
  await fill(service, keys);

  await cable.cut();
  await outage(service, keys);
  // Another program deletes a key that L1 has.
  await redis.cli('DEL', PREFIX + keys[1]);
  await cable.mend();
  await recovers(service, keys, (...command) => redis.cli(...command));
});

test('one master of a Cluster: its keys are as without Redis, and the keys of other masters as before', async (t) => {
  const net = await openNetwork(t);
  const cluster = await startCluster({ replicasEach: 0, args: OPEN });
  t.after(() => cluster.stop());
  const cables = new Map<number, Cable>();
  for (const { port } of cluster.servers) cables.set(port, await net.cable());
  const named = [...cables].map(([port, { address }]) => `${address}:${port}`);
  const service = await net.serve({
    REDIS_CLUSTER_NODES: named.join(),
    REDIS_CLUSTER_NAT_MAP: [...cables.keys()].map((port, i) => `127.0.0.1:${port}=${named[i]}`).join(),
  });
  const [[port, lost], ...others] = [...(await keysByMaster(cluster, 2))] as [[number, [string, string]]];
  const kept = (others as [number, string[]][]).flatMap(([, keys]) => keys);
  await fill(service, [...lost, ...kept]);

  const cable = cables.get(port)!;
  await cable.cut();
  await outage(service, lost);
  for (const key of kept) {
    assert.match(await statusOf(service, key), /^ratecache-l1; hit; ttl=\d+$/);
    assert.equal((await put(service, key, '2')).status, 204);
  }
  await cluster.cli(PREFIX + lost[1], 'DEL', PREFIX + lost[1]);
  await cable.mend();
  await recovers(service, lost, (...command) => cluster.cli(PREFIX + lost[0], ...command));
});

/** Puts 1 into each key, and into L1. */
async function fill(service: Service, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    assert.equal((await put(service, key, '1')).status, 201);
    await until(async () => (await statusOf(service, key)).startsWith('ratecache-l1; hit'));
  }
}

/** The network is cut. L1 answers every read until the service closes the silent connections, and writes are pending. */
async function outage(service: Service, [key, other]: readonly [string, string]): Promise<void> {
  const before = service.logs.length;
  await until(
    async () => {
      assert.equal(await (await get(service, other)).text(), '1');
      return service.logs
        .slice(before)
        .some(({ error }) => String(error).startsWith('Redis sent nothing for'));
    },
    { timeoutMs: 30_000 },
  );
  await until(async () => (await statusOf(service, other)).includes('coherence=blind'));
  assert.equal((await put(service, key, '2')).status, 202);
  assert.equal(await (await get(service, key)).text(), '2');
}

/** The network is back. The pending write is made, and L1 does not have the key that was deleted meanwhile. */
async function recovers(
  service: Service,
  [written, deleted]: readonly [string, string],
  cli: (...args: string[]) => Promise<string>,
): Promise<void> {
  await becomesCoherent(service);
  await until(async () => (await healthOf(service)).pending_writes.entries === 0, RECOVERY);
  assert.equal((await get(service, deleted)).status, 404);
  assert.equal(await (await get(service, written)).text(), '2');
  assert.equal(await cli('EXISTS', PREFIX + written), '1');
}

interface Cable {
  /** The address of Redis, as the service sees it. */
  readonly address: string;
  readonly cut: () => Promise<void>;
  readonly mend: () => Promise<void>;
}

/** A namespace for the service. It ends with the test, and so do its cables. */
async function openNetwork(t: TestContext) {
  const holder = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
  tether(holder);
  t.after(() => holder.kill('SIGKILL'));
  const theirs = `/proc/${holder.pid}/ns/net`;
  await until(() => readlinkSync(theirs) !== readlinkSync('/proc/self/ns/net'));
  const inside = ['nsenter', `--net=${theirs}`] as const;
  await run(...inside, 'ip', 'link', 'set', 'lo', 'up');
  const cable = async (): Promise<Cable> => {
    const number = ++cables;
    const [here, there] = [`redis${number}`, `service${number}`];
    await run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', String(holder.pid));
    await run('ip', 'address', 'add', `10.77.${number}.1/24`, 'dev', here);
    await run('ip', 'link', 'set', here, 'up');
    await run(...inside, 'ip', 'address', 'add', `10.77.${number}.2/24`, 'dev', there);
    await run(...inside, 'ip', 'link', 'set', there, 'up');
    return {
      address: `10.77.${number}.1`,
      cut: () => run('ip', 'link', 'set', here, 'down'),
      mend: () => run('ip', 'link', 'set', here, 'up'),
    };
  };
  return {
    cable,
    /** Starts a service in the namespace. The test reaches it through a cable that is never cut. */
    async serve(env: Record<string, string>): Promise<Service> {
      const { address } = await cable();
      const own = address.replace(/1$/, '2');
      const service = await startService({
        env: { ...ENV, HOST: own, INSECURE_OPEN: 'true', REDIS_PASSWORD: '', ...env },
        under: inside,
      });
      t.after(() => service.stop('SIGKILL'));
      const url = `http://${own}:${service.port}`;
      const reached: Service = { ...service, url, fetch: (path, init) => fetch(url + path, init) };
      await becomesCoherent(reached);
      return reached;
    },
  };
}

async function run(command: string, ...args: string[]): Promise<void> {
  await promisify(execFile)(command, args);
}
