/** The connections to Redis that a service has, and what the log hears of them. */
import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Counters } from '../metrics/counters.ts';
import { connect, connectOnce, type OpenRedis } from '../redis/connect.ts';
import { describeFault } from '../redis/describe-fault.ts';
import { RedisInfo } from '../redis/info.ts';
import { Census } from '../redis/key-counts.ts';
import { Reconnector } from '../redis/reconnector.ts';
import { RoleCheck } from '../redis/role-check.ts';

export interface RedisConnections {
  /** Reads and writes. One is enough: more of them measure no faster. */
  readonly data: Redis;
  /** Scans and INFO, so that no read waits behind them; `data` again where REDIS_MAX_CONNECTIONS is short. */
  readonly admin: Redis;
  /**
   * Large values, so that small ones do not wait behind them. Opened at the first call; until it is ready, or where
   * REDIS_MAX_CONNECTIONS is short, it is another connection.
   */
  readonly bulk: () => Redis;
  /** Hears of invalidations; undefined with ENABLE_PUBSUB=false. */
  readonly link: Redis | undefined;
  readonly info: RedisInfo;
  readonly census: Census;
  /** How many connections are up. */
  readonly count: () => number;
  /** The link is armed: it hears of changes. */
  readonly linkArmed: () => void;
  /** The link is connected and cannot be armed; logged once until it is armed. */
  readonly linkRefused: (error: Error) => void;
  /** Redis refused a command with READONLY: reconnects if its address leads to a master by now. */
  readonly refusedAsReplica: () => void;
  /** The process is about to end: retries all connections at once, and often. */
  readonly hurry: () => void;
  /** Resolves with true once all are up and `clockSet` has resolved, or with false after `timeoutMs`. */
  readonly whenUp: (timeoutMs: number, clockSet: Promise<void>) => Promise<boolean>;
  readonly close: () => void;
}

/** Connects, or begins to: a Redis that is away is waited for by nobody. Undefined when standalone. */
export function connectRedis(
  config: Config,
  counters: Counters,
  log: Logger,
  openRedis?: OpenRedis,
): RedisConnections | undefined {
  if (config.redis === undefined) return undefined;
  const { host, port, username, password, db, connectTimeoutMs } = config.redis;
  const secret = password.reveal() || undefined;
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
      log.warn('Redis refused writes as a replica; its address leads to a master now: reconnecting');
      for (const redis of all) redis.disconnect(true);
    },
  });

  const data = open('data');
  // A link that cannot be armed is of no use, so that being ready does not shorten its pauses.
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
    census: new Census(
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
        // A connection that is closed on purpose is not lost, and nobody reads from L1 any more.
        redis.removeAllListeners('close');
        redis.disconnect();
      }
    },
  };
}

/** As `connectionLog`, for a connection that is of use only once it is armed. */
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

/** One line when a connection is lost or cannot be made, one when it is there, none in between. */
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
