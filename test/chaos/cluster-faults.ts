/** The faults of a Cluster: failover, and slots that move. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { until } from '../../loadtest/support/until.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import type { ClusterStage } from './cluster-stage.ts';
import type { Fault } from './faults.ts';

/** The slots that a test moves under load. */
const MOVED_SLOTS = 1000;

export interface ClusterFault extends Fault<ClusterStage> {
  /** Variables of the replicas. */
  readonly env?: Readonly<Record<string, string>>;
  /** A master hands over to a replica, and both answer all the time. */
  readonly handsOver?: boolean;
}

/** Stops replication: the replica cannot connect again without the password. The other connections stay. */
async function killAheadOfReplica({ victim }: ClusterStage): Promise<void> {
  const control = new Redis(victim.port, '127.0.0.1', { retryStrategy: () => null });
  control.on('error', () => {});
  await control.config('SET', 'requirepass', 'unknown to the replica');
  await control.call('CLIENT', 'KILL', 'TYPE', 'replica');
  await sleep(600);
  await victim.signal('SIGKILL');
  control.disconnect();
}

async function replace({ cluster, victim, heir }: ClusterStage): Promise<void> {
  await becomesMaster(cluster, heir);
  await victim.restart();
}

export const CLUSTER_FAULTS: readonly ClusterFault[] = [
  {
    name: 'a master is killed, and returns as a replica',
    begin: ({ victim }) => victim.signal('SIGKILL'),
    end: replace,
    holdMs: 1000,
    postpones: true,
    mayLose: true,
  },
  {
    name: 'a master is killed while its replica is behind',
    begin: killAheadOfReplica,
    end: replace,
    holdMs: 1000,
    postpones: true,
    mayLose: true,
  },
  {
    // The program that writes to Redis itself does not wait for replicas, so its writes may be lost.
    name: 'a master is killed while its replica is behind, with REDIS_MIN_REPLICAS_ACK=1',
    begin: killAheadOfReplica,
    end: replace,
    holdMs: 1000,
    postpones: true,
    mayLose: true,
    env: { REDIS_MIN_REPLICAS_ACK: '1' },
  },
  {
    name: 'a master hands over to its replica (CLUSTER FAILOVER)',
    begin: ({ cluster, heir }) => cluster.failover(heir),
    end: async () => {},
    holdMs: 500,
    postpones: false,
    silent: true,
    handsOver: true,
  },
  {
    name: 'a master is blocked until its replica has replaced it (DEBUG SLEEP)',
    begin: async ({ victim }) => void victim.cli('DEBUG', 'SLEEP', '8').catch(() => {}),
    end: ({ cluster, heir }) => becomesMaster(cluster, heir),
    holdMs: 2000,
    postpones: true,
    mayLose: true,
  },
  {
    name: 'a master is blocked for 1.5 s, and stays the master (DEBUG SLEEP)',
    begin: async ({ victim }) => void victim.cli('DEBUG', 'SLEEP', '1.5').catch(() => {}),
    end: async () => {},
    holdMs: 1500,
    postpones: true,
  },
  {
    // Until it notices, the master answers as before.
    name: 'a master is cut off from the other nodes until its replica has replaced it, and returns',
    begin: ({ isolate }) => isolate(),
    async end({ cluster, heir, rejoin }) {
      await becomesMaster(cluster, heir);
      rejoin();
      await cluster.settled();
    },
    holdMs: 4000,
    postpones: false,
    silent: true,
    mayLose: true,
  },
  {
    name: `${MOVED_SLOTS} slots move to another master`,
    begin: async ({ cluster, victim }) =>
      cluster.reshard(MOVED_SLOTS, victim, await anotherMaster(cluster, victim)),
    end: ({ cluster }) => cluster.settled(),
    holdMs: 0,
    postpones: false,
    silent: true,
  },
  {
    name: `a new master joins, and ${MOVED_SLOTS} slots move to it`,
    async begin({ cluster, victim }) {
      await cluster.reshard(MOVED_SLOTS, victim, await cluster.addMaster());
    },
    end: ({ cluster }) => cluster.settled(),
    holdMs: 0,
    postpones: false,
    silent: true,
  },
  {
    name: 'all slots of a master move away, and it leaves',
    async begin({ cluster, victim }) {
      await cluster.reshard(16_384, victim, await anotherMaster(cluster, victim));
      await victim.signal('SIGKILL');
    },
    end: async () => {},
    holdMs: 1000,
    postpones: false,
    silent: true,
  },
  {
    name: 'rolling restart of all nodes',
    async begin({ cluster }) {
      const masters = (await cluster.nodes()).filter(({ master }) => master);
      for (const { port } of masters) {
        const master = cluster.servers.find((server) => server.port === port)!;
        const replica = await cluster.replicaOf(master);
        await replica.restart();
        await cluster.settled();
        await cluster.failover(replica);
        await master.restart();
        await cluster.settled();
      }
    },
    end: async () => {},
    holdMs: 0,
    postpones: false,
    silent: true,
    outages: 3,
  },
];

async function becomesMaster(cluster: ClusterStage['cluster'], { port }: RedisServer): Promise<void> {
  await until(
    async () => (await cluster.nodes().catch(() => [])).some((node) => node.port === port && node.master),
    { timeoutMs: 30_000, everyMs: 50 },
  );
  await sleep(200);
}

async function anotherMaster(cluster: ClusterStage['cluster'], { port }: RedisServer): Promise<RedisServer> {
  const other = (await cluster.nodes()).find((node) => node.master && node.port !== port)!;
  return cluster.servers.find((server) => server.port === other.port)!;
}
