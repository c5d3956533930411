/** The faults of a run. A fault is repeated until the run ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { pick, type Random } from '../../loadtest/support/random.ts';
import { until } from '../../loadtest/support/until.ts';
import type { RedisCluster } from '../../loadtest/target/cluster.ts';
import type { RedisServer } from '../../loadtest/target/redis-server.ts';
import type { SentinelGroup } from '../../loadtest/target/sentinel.ts';
import type { Scope, TcpProxy } from '../support/tcp-proxy.ts';
import { PREFIX } from './foreign-writer.ts';
import type { History } from './history.ts';
import type { Mortal } from './mortal.ts';

export const FAULTS = [
  'none',
  'link-killed',
  'data-killed',
  'frozen',
  'half-open',
  'slow',
  'overrun',
  'restart',
] as const;

/** Faults between the replicas and programs with a near cache. */
export const CLIENT_FAULTS = ['client-frozen', 'client-half-open', 'client-reset', 'replica-killed'] as const;

/** The faults of a run on a Redis Cluster. */
export const CLUSTER_FAULTS = ['none', 'link-killed', 'failover', 'reshard'] as const;

/** The faults of a run on Sentinels. */
export const SENTINEL_FAULTS = ['none', 'link-killed', 'master-killed'] as const;

export type ClientFault = (typeof CLIENT_FAULTS)[number];

export type Fault =
  | (typeof FAULTS)[number]
  | ClientFault
  | (typeof CLUSTER_FAULTS)[number]
  | (typeof SENTINEL_FAULTS)[number];

export function isClientFault(fault: Fault): fault is ClientFault {
  return (CLIENT_FAULTS as readonly Fault[]).includes(fault);
}

export interface FaultDeps {
  readonly redis: RedisServer;
  readonly connection: Redis;
  /** One proxy between each replica and Redis. */
  readonly proxies: readonly TcpProxy[];
  readonly history: History;
  readonly random: Random;
  /** Writes a key of the foreign writer during a burst. */
  readonly write: (key: string) => Promise<void>;
}

/** What client faults need. */
export interface ClientFaultDeps {
  /** One proxy between programs with a near cache and each of their replicas. */
  readonly proxies: readonly TcpProxy[];
  /** Replicas that may be killed and started again. */
  readonly mortals: readonly Mortal[];
  readonly random: Random;
}

/** As `ROUNDS`, between replicas and programs with a near cache. */
export const CLIENT_ROUNDS: Record<
  ClientFault,
  { readonly restMs: number; readonly round: (parts: ClientFaultDeps) => Promise<void> }
> = {
  'client-frozen': {
    restMs: 1200,
    // Far longer than the bound, so that a client that does not notice the fault serves many old values.
    round: ({ proxies }) => frozen(proxies, {}, 3000),
  },
  'client-half-open': {
    restMs: 1200,
    round: ({ proxies }) => frozen(proxies, { direction: 'down' }, 3000),
  },
  'client-reset': {
    restMs: 150,
    async round({ proxies, random }) {
      pick(proxies, random).cut();
    },
  },
  'replica-killed': {
    restMs: 600,
    async round({ mortals }) {
      for (const mortal of mortals) {
        await mortal.restart();
        await sleep(600);
      }
    },
  },
};

async function frozen(proxies: readonly TcpProxy[], scope: Scope, ms: number): Promise<void> {
  for (const proxy of proxies) proxy.freeze(scope);
  await sleep(ms);
  for (const proxy of proxies) proxy.thaw();
}

/** One round of each fault, and the pause before the next round in ms. */
const ROUNDS: Partial<
  Record<Fault, { readonly restMs: number; readonly round: (parts: FaultDeps) => Promise<void> }>
> = {
  none: { restMs: 200, round: async () => {} },
  'link-killed': { restMs: 500, round: (parts) => killOne(parts, 'ratecache-link') },
  'data-killed': { restMs: 500, round: (parts) => killOne(parts, 'ratecache-data') },
  frozen: {
    restMs: 1000,
    async round({ redis }) {
      await redis.signal('SIGSTOP');
      await sleep(2000);
      await redis.signal('SIGCONT');
    },
  },
  'half-open': {
    restMs: 800,
    async round({ proxies, random }) {
      const proxy = pick(proxies, random);
      proxy.freeze({ direction: 'down', saying: 'ratecache-link' });
      // Far longer than the bound, so that a replica that does not notice the fault serves many old values.
      await sleep(3000);
      proxy.thaw();
    },
  },
  slow: {
    restMs: 800,
    // A round trip of 120 ms is longer than the command time-out and shorter than the bound of the heartbeat.
    async round({ proxies, random }) {
      const proxy = pick(proxies, random);
      proxy.delay(60);
      await sleep(1700);
      proxy.delay(0);
    },
  },
  overrun: { restMs: 500, round: overrun },
  restart: {
    restMs: 1200,
    async round({ redis, history }) {
      const start = performance.now();
      await redis.restart();
      history.losses.push({ start, end: performance.now() });
    },
  },
};

/** As `ROUNDS`, on a Redis Cluster. */
export const CLUSTER_ROUNDS: Partial<
  Record<
    Fault,
    { readonly restMs: number; readonly round: (cluster: RedisCluster, random: Random) => Promise<void> }
  >
> = {
  none: { restMs: 200, round: async () => {} },
  'link-killed': {
    restMs: 500,
    round: async (cluster, random) => killLink(await someMaster(cluster, random), random),
  },
  failover: {
    restMs: 500,
    async round(cluster, random) {
      await cluster.failover(await cluster.replicaOf(await someMaster(cluster, random)));
    },
  },
  reshard: {
    restMs: 200,
    async round(cluster, random) {
      const from = await someMaster(cluster, random);
      let to = from;
      while (to === from) to = await someMaster(cluster, random);
      await cluster.reshard(500, from, to);
    },
  },
};

/** As `ROUNDS`, on one master with replicas and Sentinels. */
export const SENTINEL_ROUNDS: Partial<
  Record<
    Fault,
    {
      readonly restMs: number;
      readonly round: (group: SentinelGroup, history: History, random: Random) => Promise<void>;
    }
  >
> = {
  none: { restMs: 200, round: async () => {} },
  'link-killed': {
    restMs: 500,
    round: async (group, _history, random) => killLink(await masterOf(group), random),
  },
  // The old master returns without its data, and becomes a replica of the new master.
  'master-killed': {
    restMs: 1500,
    async round(group, history) {
      const master = await masterOf(group);
      const start = performance.now() - REPLICATION_MS;
      await master.signal('SIGKILL');
      await until(async () => ![undefined, master.port].includes(await group.masterPort()), SETTLE);
      await master.restart();
      await until(async () => (await master.cli('INFO', 'replication')).includes('link_status:up'), SETTLE);
      history.unreplicated(start, performance.now());
      const port = await group.masterPort();
      // The next failover needs two replicas, since the writes wait for one of them.
      const next = group.servers.find((server) => server.port === port)!;
      await until(async () => (await next.cli('INFO', 'replication')).includes('connected_slaves:2'), SETTLE);
    },
  },
};

/** The lag of a replica on a busy machine. */
const REPLICATION_MS = 500;
const SETTLE = { timeoutMs: 60_000, everyMs: 50 };

async function masterOf(group: SentinelGroup): Promise<RedisServer> {
  const port = await until(() => group.masterPort(), SETTLE);
  return group.servers.find((server) => server.port === port)!;
}

async function killLink(master: RedisServer, random: Random): Promise<void> {
  const list = await master.cli('CLIENT', 'LIST');
  const lines = list.split('\n').filter((line) => line.includes('name=ratecache-link'));
  if (lines.length === 0) return;
  await master.cli('CLIENT', 'KILL', 'ID', /\bid=(\d+)/.exec(pick(lines, random))![1]!);
}

async function someMaster(cluster: RedisCluster, random: Random): Promise<RedisServer> {
  const masters = (await cluster.nodes()).filter(({ master, slots }) => master && slots.length > 0);
  const { port } = pick(masters, random);
  return cluster.servers.find((server) => server.port === port)!;
}

/** Repeats the fault until `stopped`, and returns the number of rounds. */
export function afflict(fault: Fault, parts: FaultDeps, stopped: () => boolean): Promise<number> {
  const round = ROUNDS[fault];
  if (round === undefined) throw new Error(`no fault of a server: ${fault}`);
  return repeat(fault, round.restMs, parts.random, () => round.round(parts), stopped);
}

/** Repeats a round until `stopped`, with pauses of about `restMs`, and returns the number of rounds. */
export async function repeat(
  fault: Fault,
  restMs: number,
  random: Random,
  round: () => Promise<void>,
  stopped: () => boolean,
): Promise<number> {
  let rounds = 0;
  while (true) {
    // Sleeps in slices, so that the end of a run does not wait for the next round.
    for (const until = performance.now() + restMs * (0.5 + random()); performance.now() < until; ) {
      if (stopped()) return rounds;
      await sleep(20);
    }
    await round();
    if (fault !== 'none') rounds++;
  }
}

async function killOne({ connection, random }: FaultDeps, name: string): Promise<void> {
  const list = (await connection.client('LIST')) as string;
  const lines = list.split('\n').filter((line) => line.includes(`name=${name}`));
  if (lines.length === 0) return;
  const id = /\bid=(\d+)/.exec(pick(lines, random))![1]!;
  await connection.call('CLIENT', ['KILL', 'ID', id]);
}

const BURST = 4000;

/**
 * A burst of messages within one command overruns the output buffers of the links. Redis closes the links, and the
 * buffered invalidations are lost.
 */
async function overrun({ connection, write, random }: FaultDeps): Promise<void> {
  await connection.config('SET', 'client-output-buffer-limit', 'pubsub 65536 0 0');
  const script = `for i = 1, tonumber(ARGV[1]) do
    redis.call('PUBLISH', 'cache_invalidation', '{"keys":["calculation:burst-' .. i .. '"]}')
    redis.call('SET', KEYS[1], i, 'PX', 1000)
  end`;
  const burst = connection.eval(script, 1, `${PREFIX}calculation:burst`, BURST);
  const during = write(`volatility:F${Math.floor(random() * 3)}`);
  await Promise.all([burst, during]);
}
