/** The connections of a service to Redis, and their log lines. */
import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Counters } from '../metrics/counters.ts';
import { connect, connectOnce, type OpenRedis } from '../redis/connect.ts';
import { describeFault } from '../redis/describe-fault.ts';
import { RedisInfo } from '../redis/info.ts';
import { KeyCounter } from '../redis/key-counter.ts';
import { Reconnector } from '../redis/reconnector.ts';
import { RoleCheck } from '../redis/role-check.ts';

export interface RedisConnections {
  /** For reads and writes. One connection is enough: more connections measured no faster. */
  readonly data: Redis;
  /** For scans and INFO, so that no read waits behind them. It is `data` if REDIS_MAX_CONNECTIONS is too low. */
  readonly admin: Redis;
  /**
   * For large values, so that small values do not wait behind them. The first call opens the connection. Until it is
   * ready, or if REDIS_MAX_CONNECTIONS is too low, the call returns `admin` or `data`.
   */
  readonly bulk: () => Redis;
  /** Receives invalidations; undefined with ENABLE_PUBSUB=false. */
  readonly link: Redis | undefined;
  readonly info: RedisInfo;
  readonly keyCounter: KeyCounter;
  /** The number of connections that are ready. */
  readonly count: () => number;
  /** Called when the link is armed and receives changes. */
  readonly linkArmed: () => void;
  /** Called when the link is connected but cannot be armed. Logs the error once until the link is armed. */
  readonly linkRefused: (error: Error) => void;
  /** Called when Redis rejected a command with READONLY. Reconnects if the address now leads to a master. */
  readonly refusedAsReplica: () => void;
  /** Retries all connections at once and often. Called before the process ends. */
  readonly hurry: () => void;
  /** Resolves with true when all connections are ready and `clockSet` has resolved, or with false after `timeoutMs`. */
  readonly whenUp: (timeoutMs: number, clockSet: Promise<void>) => Promise<boolean>;
  readonly close: () => void;
}

/** Starts to connect, without waiting for Redis. Returns undefined when standalone. */
export function connectRedis(
  config: Config,
  counters: Counters,
  log: Logger,
  openRedis?: OpenRedis,
): RedisConnections | undefined {
  if (config.redis === undefined) return undefined;
  const { topology, username, password, db, connectTimeoutMs } = config.redis;
  if (topology.kind !== 'single') throw new Error(`not supported yet: ${topology.kind}`);
  const { host, port } = topology;
  const secret = password?.reveal() || undefined;
  const address = { host, port, username, password: secret, db, connectTimeoutMs };
  const reconnector = new Reconnector();
  const deps = openRedis === undefined ? {} : { open: openRedis };
  const open = (name: string) => {
    const reconnection = reconnector.join();
    const events = { ...connectionLog(log, name, secret), readonly: roleCheck.refused };
    return connect(address, name, counters, events, { ...deps, reconnection });
  };
  const roleCheck = new RoleCheck({
    open: () => connectOnce(address, 'role', deps),
    reconnect: () => {
      log.warn('Redis was a replica and rejected writes; its address now leads to a master: reconnecting');
      for (const redis of all) redis.disconnect(true);
    },
  });

  const data = open('data');
  // Only an armed link is useful. So a connection that is merely ready does not reset the backoff of the link.
  const linkReconnection = reconnector.join('user');
  const linkEvents = linkLog(log, secret);
  const link = config.pubsub.enabled
    ? connect(address, 'link', counters, linkEvents, { ...deps, reconnection: linkReconnection })
    : undefined;
  const room = config.redis.maxConnections - (link === undefined ? 1 : 2);
  const admin = room > 0 ? open('admin') : data;
  const all = [...new Set([data, admin, link ?? data])];
  let bulk: Redis | undefined;
  const openBulk = () => {
    const redis = open('bulk');
    all.push(redis);
    return redis;
  };
  return {
    data,
    admin,
    bulk: () => {
      if (room > 1) bulk ??= openBulk();
      return [bulk, admin].find((redis) => redis?.status === 'ready') ?? data;
    },
    link,
    info: new RedisInfo(data, counters, {}, admin),
    keyCounter: new KeyCounter(
      { redis: admin, counters, keyPrefix: config.store.keyPrefix },
      { maxAgeMs: config.stats.maxAgeMs },
    ),
    count: () => all.filter(({ status }) => status === 'ready').length,
    linkArmed: () => {
      linkReconnection.proved();
      linkEvents.armed();
    },
    linkRefused: linkEvents.refused,
    refusedAsReplica: roleCheck.refused,
    hurry: () => reconnector.hurry(),
    whenUp: (timeoutMs, clockSet) => {
      const up = all.map((redis) =>
        redis.status === 'ready' ? undefined : new Promise((resolve) => redis.once('ready', resolve)),
      );
      const timeout = new Promise<boolean>((resolve) => setTimeout(resolve, timeoutMs, false).unref());
      return Promise.race([Promise.all([...up, clockSet]).then(() => true), timeout]);
    },
    close: () => {
      for (const redis of all) {
        // Without listeners, because a connection that is closed on purpose must not be logged as lost.
        redis.removeAllListeners('close');
        redis.disconnect();
      }
    },
  };
}

/** Like `connectionLog`, for the link, which is up only when it is armed. */
function linkLog(log: Logger, password: string | undefined) {
  const { up, down, fault } = connectionLog(log, 'link', password);
  let armed = false;
  let refusalReported = false;
  return {
    down: () => {
      if (armed) down();
      armed = false;
    },
    fault,
    armed: () => {
      up();
      armed = true;
      refusalReported = false;
    },
    refused: (error: Error) => {
      if (!refusalReported)
        log.error({ error: error.message }, 'the invalidation link cannot be armed; retrying');
      refusalReported = true;
    },
  };
}

/** Logs one line when a connection is lost or fails, and one line when it is ready again; no line for each retry. */
function connectionLog(log: Logger, connection: string, password: string | undefined) {
  let reported = false;
  return {
    up: () => {
      log.info({ connection }, 'Redis connected');
      reported = false;
    },
    down: () => {
      if (!reported) log.error({ connection }, 'Redis connection lost; reconnecting');
      reported = true;
    },
    fault: (error: Error) => {
      if (!reported)
        log.error({ connection, error: describeFault(error, password) }, 'Redis connection error; retrying');
      reported = true;
    },
  };
}
