/** What a run uses: one Redis server, one that Sentinels name, or a Redis Cluster. */
import { once } from 'node:events';
import { Cluster, type Redis } from 'ioredis';
import { startCluster } from '../../loadtest/target/cluster.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { redisEnv } from '../../loadtest/target/replicas.ts';
import { startSentinels } from '../../loadtest/target/sentinel.ts';
import { connectToMaster } from '../support/sentinel-connection.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { afflict, CLUSTER_ROUNDS, type Fault, type FaultDeps, repeat, SENTINEL_ROUNDS } from './faults.ts';
import { connectTo } from './foreign-writer.ts';

/** Redis as another program uses it. */
export type Connection = Pick<Redis, 'set' | 'del' | 'callBuffer' | 'mgetBuffer'>;

export interface Target {
  readonly connection: Connection;
  /** Variables of each replica. */
  readonly env: (replica: number) => Record<string, string>;
  readonly pids: () => readonly number[];
  /** Repeats the fault until `stopped`, and returns the number of rounds. */
  readonly afflict: (
    fault: Fault,
    parts: Pick<FaultDeps, 'history' | 'random' | 'write'>,
    stopped: () => boolean,
  ) => Promise<number>;
}

/** @param cleanup receives what ends the target */
export async function openServer(
  replicas: number,
  proxied: boolean,
  cleanup: (() => unknown)[],
): Promise<Target> {
  const redis = await startRedis();
  cleanup.push(() => redis.stop());
  const connection = await connectTo(redis);
  cleanup.push(() => connection.disconnect());
  const proxies = await Promise.all(Array.from({ length: replicas }, () => startTcpProxy(redis)));
  for (const proxy of proxies) cleanup.push(() => proxy.close());
  return {
    connection,
    // A proxy costs time, so only the faults that need a proxy use it.
    env: (replica) => redisEnv(proxied ? proxies[replica]! : redis),
    pids: () => [redis.pid],
    afflict: (fault, parts, stopped) => afflict(fault, { redis, connection, proxies, ...parts }, stopped),
  };
}

/** @param cleanup receives what ends the target */
export async function openCluster(cleanup: (() => unknown)[]): Promise<Target> {
  const cluster = await startCluster();
  cleanup.push(() => cluster.stop());
  const client = new Cluster(
    cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    { redisOptions: { replyMapping: 'legacy' }, clusterRetryStrategy: () => 50 },
  );
  client.on('error', () => {});
  await once(client, 'ready');
  cleanup.push(() => client.disconnect());
  return {
    connection: {
      set: client.set.bind(client),
      del: client.del.bind(client),
      callBuffer: client.callBuffer.bind(client),
      // MGET cannot read keys of several slots.
      mgetBuffer: (keys: string[]) => Promise.all(keys.map((key) => client.getBuffer(key))),
    } as Connection,
    env: () => ({ REDIS_CLUSTER_NODES: cluster.addresses, REDIS_PASSWORD: '' }),
    pids: () => cluster.servers.map(({ pid }) => pid),
    afflict: (fault, { random }, stopped) => {
      const round = CLUSTER_ROUNDS[fault];
      if (round === undefined) throw new Error(`no fault of a Cluster: ${fault}`);
      const { restMs } = round;
      return repeat(fault, restMs, random, () => round.round(cluster, random), stopped);
    },
  };
}

/** Changes of the service wait for a replica, so that a failover loses none of them. */
export async function openSentinels(cleanup: (() => unknown)[]): Promise<Target> {
  const group = await startSentinels();
  cleanup.push(() => group.stop());
  const connection = await connectToMaster(group, {
    connectionName: 'foreign-writer',
    autoResendUnfulfilledCommands: false,
  });
  cleanup.push(() => connection.disconnect());
  return {
    connection,
    env: () => ({ ...group.env, REDIS_MIN_REPLICAS_ACK: '1' }),
    pids: () => group.servers.map(({ pid }) => pid),
    afflict: (fault, { history, random }, stopped) => {
      const round = SENTINEL_ROUNDS[fault];
      if (round === undefined) throw new Error(`no fault of Sentinels: ${fault}`);
      return repeat(fault, round.restMs, random, () => round.round(group, history, random), stopped);
    },
  };
}
