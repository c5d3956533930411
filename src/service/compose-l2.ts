/** L2 of a service: one Redis server, or the masters of a Cluster. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceClock } from '../cache/clock.ts';
import type { QualityStore } from '../cache/quality/records.ts';
import { ONE_SLOT, type Slots } from '../cache/slots.ts';
import type { Store } from '../cache/store.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { combinedCounts, combinedStatus } from '../redis/cluster/combined.ts';
import type { RedisStatus } from '../redis/info.ts';
import type { KeyCounts } from '../redis/key-counter.ts';
import { RedisMarks } from '../redis/marks.ts';
import { openCluster } from './compose-cluster.ts';
import { openServer, type Server, type ServerDeps } from './compose-server.ts';

/** One Redis server, with its name where Redis is a Cluster. */
export interface NamedServer {
  readonly name: string | undefined;
  readonly server: Server;
}

/** Redis as operators see it. */
export interface RedisSide {
  /** The servers that hold data: one, or the masters of a Cluster. */
  readonly servers: () => readonly NamedServer[];
  /** The server that has the key; undefined while it is unknown. */
  readonly ownerOf: (key: string) => NamedServer | undefined;
  /** The status of all servers together. */
  readonly info: { status(): Promise<RedisStatus> };
  /** The number of keys on all servers. */
  readonly keyCounter: { fresh(): Promise<KeyCounts | undefined>; latest(): KeyCounts | undefined };
  /** The number of connections that are ready. */
  readonly count: () => number;
  /** Retries all connections at once and often. Called before the process ends. */
  readonly hurry: () => void;
}

export interface L2 {
  readonly store: Store;
  /** Sources and marks. */
  readonly marks: QualityStore;
  readonly slots: Slots;
  /** Whether L1 is not trusted before the servers are known. */
  readonly linked: boolean;
  readonly side: RedisSide;
  /** Reports the changes of L2 to the cache from now on. Called once. */
  readonly follow: (cache: TwoLevel) => void;
  readonly linkCaughtUp: () => Promise<void>;
  /** Resolves with true when every connection is ready, or with false after `timeoutMs`. */
  readonly whenUp: (timeoutMs: number) => Promise<boolean>;
  readonly close: () => void;
}

type L2Deps = Omit<ServerDeps, 'clock' | 'serviceClock' | 'events' | 'shard'> & {
  readonly serviceClock: ServiceClock;
};

/** Starts to connect, without waiting for Redis. Returns undefined when standalone. */
export function composeRedis(deps: L2Deps): L2 | undefined {
  const { redis } = deps.config;
  if (redis === undefined) return undefined;
  return redis.topology.kind === 'cluster' ? composeCluster(deps) : composeOne(deps);
}

function composeOne(deps: L2Deps): L2 {
  let cache: TwoLevel;
  const server = openServer({
    ...deps,
    clock: deps.serviceClock,
    events: { usable: () => void cache.replay(), stepped: (ms) => cache.clockStepped(ms) },
  });
  const { redis } = server;
  const servers = [{ name: undefined, server }];
  return {
    store: server.store,
    marks: marksOf(deps, () => server),
    slots: ONE_SLOT,
    linked: redis.link !== undefined,
    side: {
      servers: () => servers,
      ownerOf: () => servers[0],
      info: redis.info,
      keyCounter: redis.keyCounter,
      count: redis.count,
      hurry: redis.hurry,
    },
    follow: (to) => {
      cache = to;
      server.follow(to);
    },
    linkCaughtUp: server.linkCaughtUp,
    whenUp: (timeoutMs) => redis.whenUp(timeoutMs, server.clockSet),
    close: server.close,
  };
}

function marksOf(
  { config, counters }: L2Deps,
  ownerOf: (rawKey: string) => Server | undefined,
  onMoved?: () => void,
): QualityStore {
  return new RedisMarks(
    { keyPrefix: config.store.keyPrefix, commandTimeoutMs: config.redis!.commandTimeoutMs },
    {
      counters,
      serverOf: (rawKey) => {
        const server = ownerOf(rawKey);
        return server && { data: server.redis.data, admin: server.redis.admin, breaker: server.breaker };
      },
      ...(onMoved !== undefined && { onMoved }),
    },
  );
}

function composeCluster(deps: L2Deps): L2 {
  const cluster = openCluster(deps);
  const servers = () => cluster.masters().map(({ address, server }) => ({ name: address, server }));
  const ownerOf = (key: string) => {
    const owner = cluster.ownerOf(key);
    return owner && { name: owner.address, server: owner.server };
  };
  const each = <T>(of: (server: Server) => T): T[] => servers().map(({ server }) => of(server));
  return {
    store: cluster.store,
    marks: marksOf(deps, (rawKey) => cluster.ownerOfRaw(rawKey)?.server, cluster.suspect),
    slots: cluster.slots,
    linked: true,
    side: {
      servers,
      ownerOf,
      info: {
        status: async () =>
          combinedStatus(
            await Promise.all(
              servers().map(async ({ name, server }) => [name, await server.redis.info.status()] as const),
            ),
          ),
      },
      keyCounter: {
        fresh: async () => combinedCounts(await Promise.all(each(({ redis }) => redis.keyCounter.fresh()))),
        latest: () => combinedCounts(each(({ redis }) => redis.keyCounter.latest())),
      },
      count: () => each(({ redis }) => redis.count()).reduce((sum, count) => sum + count, 0),
      hurry: cluster.hurry,
    },
    follow: cluster.follow,
    linkCaughtUp: async () => {
      await Promise.all(each((server) => server.linkCaughtUp()));
    },
    whenUp: async (timeoutMs) => {
      const until = performance.now() + timeoutMs;
      if (!(await Promise.race([cluster.known, pause(timeoutMs, false, { ref: false })]))) return false;
      const leftMs = Math.max(0, until - performance.now());
      const up = await Promise.all(each(({ redis, clockSet }) => redis.whenUp(leftMs, clockSet)));
      return !up.includes(false);
    },
    close: cluster.close,
  };
}
