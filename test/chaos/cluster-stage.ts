/** The target of a fault of a Cluster: two replicas on three masters, each with a replica. */
import { once } from 'node:events';
import { Cluster } from 'ioredis';
import { type RedisCluster, startCluster } from '../../loadtest/target/cluster.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import { reachesRedis } from '../../loadtest/target/replicas.ts';
import { startService } from '../../loadtest/target/service.ts';
import { PREFIX } from '../consistency/foreign-writer.ts';
import { FIXED_KEYS } from './load.ts';
import { ENV, type Stage } from './stage.ts';

export interface ClusterStage extends Stage {
  readonly cluster: RedisCluster;
  /** The master that the fault hits. It owns some keys of the load. */
  readonly victim: RedisServer;
  /** A replica of the victim. */
  readonly heir: RedisServer;
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
    const cluster = await startCluster();
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
    const victim = await cluster.ownerOf(PREFIX + FIXED_KEYS[0]);
    return {
      cluster,
      victim,
      heir: await cluster.replicaOf(victim),
      connection: {
        // MGET cannot read keys of several slots.
        mgetBuffer: (keys: string[]) => Promise.all(keys.map((key) => client.getBuffer(key))),
        callBuffer: client.callBuffer.bind(client),
      } as Stage['connection'],
      replicas,
      pids: () => [...replicas.map(({ pid }) => pid), ...cluster.servers.map(({ pid }) => pid)],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
