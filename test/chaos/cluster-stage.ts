/** The target of a fault of a Cluster: two replicas on three masters, each with a replica. */
import { once } from 'node:events';
import { Cluster } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import { BUS_OFFSET, type RedisCluster, startCluster } from '../../loadtest/target/cluster.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { PREFIX } from '../consistency/foreign-writer.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { FIXED_KEYS } from './load.ts';
import { ENV, type Stage } from './stage.ts';

export interface ClusterStage extends Stage {
  readonly cluster: RedisCluster;
  /** The master that the fault hits. It owns some keys of the load. */
  readonly victim: RedisServer;
  /** A replica of the victim. */
  readonly heir: RedisServer;
  /** Cuts the bus between the victim and all other nodes. Clients still reach every node. */
  readonly isolate: () => Promise<void>;
  /** Ends `isolate`. */
  readonly rejoin: () => void;
}

export interface ClusterStageOptions {
  /** Variables of the replicas in addition. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function openClusterStage({ env = {} }: ClusterStageOptions = {}): Promise<ClusterStage> {
  const opened: (() => unknown)[] = [];
  const close = async () => {
    for (const each of opened.reverse()) await each();
  };
  try {
    // The proxy before the bus of each node, by the port of the bus.
    const buses = new Map<number, TcpProxy>();
    const cluster = await startCluster({
      announcedBusPort: async (port) => {
        const proxy = await startTcpProxy({ port });
        opened.push(() => proxy.close());
        buses.set(port, proxy);
        return proxy.port;
      },
    });
    opened.push(() => cluster.stop());
    const client = new Cluster(
      cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port })),
      { redisOptions: { replyMapping: 'legacy' }, clusterRetryStrategy: () => 50 },
    );
    client.on('error', () => {});
    await once(client, 'ready');
    opened.push(() => client.disconnect());
    const replicas = await Promise.all(
      [1, 2].map(() =>
        startService({
          env: { ...ENV, REDIS_CLUSTER_NODES: cluster.addresses, REDIS_PASSWORD: '', ...env },
        }),
      ),
    );
    for (const replica of replicas) opened.push(() => replica.stop('SIGKILL'));
    await Promise.all(replicas.map(reachesRedis));
    await connectsInAdvance(cluster, replicas.length);
    const victim = await cluster.ownerOf(PREFIX + FIXED_KEYS[0]);
    return {
      cluster,
      victim,
      heir: await cluster.replicaOf(victim),
      async isolate() {
        // The header of each message has the id of its sender at byte 40. The ids after it are gossip.
        const saying = new RegExp(`^RCmb[\\s\\S]{36}${await cluster.idOf(victim)}`);
        for (const [port, proxy] of buses)
          proxy.freeze(port === victim.port + BUS_OFFSET ? undefined : { saying });
      },
      rejoin() {
        for (const proxy of buses.values()) proxy.thaw();
      },
      connection: {
        // MGET cannot read keys of several slots.
        mgetBuffer: (keys: string[]) => Promise.all(keys.map((key) => client.getBuffer(key))),
        callBuffer: client.callBuffer.bind(client),
      } as Stage['connection'],
      replicas,
      pids: () => [...replicas.flatMap(({ pids }) => pids()), ...cluster.servers.map(({ pid }) => pid)],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Resolves when each service is connected to each replica. A new Cluster does not list a replica that has received
 * nothing yet, so a service may learn of it with the next table only.
 */
async function connectsInAdvance({ servers }: RedisCluster, services: number): Promise<void> {
  const isConnected = async (server: RedisServer) =>
    (await server.cli('CLIENT', 'LIST')).split('name=ratecache-data').length > services;
  await until(async () => (await Promise.all(servers.map(isConnected))).every(Boolean), {
    timeoutMs: 30_000,
    everyMs: 50,
  });
}
