/** The connections of a service to Redis, and their log lines. */
import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Counters } from '../metrics/counters.ts';
import { connect, connectOnce, type OpenRedis, openReal } from '../redis/connect.ts';
import { ConnectionFault } from '../redis/connection-fault.ts';
import { describeFault } from '../redis/describe-fault.ts';
import { RedisInfo } from '../redis/info.ts';
import { KeyCounter } from '../redis/key-counter.ts';
import { Reconnector } from '../redis/reconnector.ts';
import { renewCredentials } from '../redis/renew-credentials.ts';
import { RoleCheck } from '../redis/role-check.ts';
import { SameServer } from '../redis/same-server.ts';
import { ServerLimits } from '../redis/server-limits.ts';
import { targetOf } from './redis-target.ts';

export interface RedisConnections {
  /** For reads and writes. One connection is enough: more connections measured no faster. */
  readonly data: Redis;
  /** For changes. It is `data` unless changes wait for replicas, because reads must not wait behind them. */
  readonly writer: Redis;
  /** For scans and INFO, so that no read waits behind them. It is `data` if REDIS_MAX_CONNECTIONS is too low. */
  readonly admin: Redis;
  /**
   * For large values, so that small values do not wait behind them. The first call opens the connection. Until it is
   * ready, or if REDIS_MAX_CONNECTIONS is too low, the call returns `admin` or `data`.
   */
  readonly bulk: () => Redis;
  /** Receives invalidations; undefined with ENABLE_PUBSUB=false. */
  readonly link: Redis | undefined;
  /** Returns why the link is not connected; empty if it is, or if no link exists. */
  readonly linkFault: () => string;
  readonly info: RedisInfo;
  /** What the server lacks or refuses. */
  readonly limits: ServerLimits;
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
  const { maxConnections } = config.redis;
  const deps = openRedis === undefined ? {} : { open: openRedis };
  const reconnector = new Reconnector();
  const sameServer = new SameServer({
    onMoved: () => log.warn('a connection reached another Redis server; all others reconnect to it'),
  });
  const reconnectAll = () => {
    for (const redis of all) redis.disconnect(true);
    reconnector.retryNow();
  };
  const target = targetOf(config.redis, {
    open: openRedis ?? openReal,
    onPasswordFault: (error) =>
      log.error({ error: error.message }, 'cannot read REDIS_PASSWORD_FILE; the last password stays in use'),
    onSwitch: ({ host, port }) => {
      log.warn({ master: `${host}:${port}` }, 'the Sentinels name another master; reconnecting');
      reconnectAll();
    },
  });
  const { address } = target;
  const report = connectionLogs(log, () => address.password);
  const open = (name: string) => {
    const events = { ...report(name), readonly: roleCheck.refused };
    return connect(address, name, counters, events, {
      ...deps,
      reconnection: reconnector.join(),
      membership: sameServer.join(),
    });
  };
  const roleCheck = new RoleCheck({
    open: () => connectOnce(address, 'role', deps),
    reconnect: () => {
      log.warn('Redis was a replica and rejected writes; its address now leads to a master: reconnecting');
      reconnectAll();
    },
  });

  const limits = new ServerLimits((limit, error) => {
    // The link and the registry of marks log their own lines.
    if (limit === 'records')
      log.error(
        { error },
        'the Redis user may not use the keys __ratecache__:write:*, so a repeated write is not recognised by its idempotency key',
      );
    if (limit === 'scripts')
      log.error({ error }, 'Redis refuses scripts, so only reads work: writes stay pending or fail');
  });
  const data = open('data');
  // Only an armed link is useful. So a connection that is merely ready does not reset the backoff of the link.
  const linkReconnection = reconnector.join('user');
  const linkEvents = linkLog(log, report('link'));
  const link = config.pubsub.enabled
    ? connect(address, 'link', counters, linkEvents, {
        ...deps,
        reconnection: linkReconnection,
        membership: sameServer.join(),
      })
    : undefined;
  const linkFault = link && new ConnectionFault(link);
  const writer = config.redis.minReplicasAck > 0 ? open('writer') : data;
  const required = new Set([data, writer, link ?? data]);
  const room = maxConnections - required.size;
  const admin = room > 0 ? open('admin') : data;
  const all = [...required.add(admin)];
  let bulk: Redis | undefined;
  const openBulk = () => {
    const redis = open('bulk');
    all.push(redis);
    return redis;
  };
  const stopRenewal =
    config.redis.passwordFile &&
    renewCredentials({
      credentials: address,
      connections: () => all.filter((redis) => redis !== link),
      link,
      onRenewed: () => log.info('the Redis password changed; live connections have authenticated with it'),
      onRefused: (error) =>
        log.error(
          { error: describeFault(error, address.password) },
          'Redis rejects the new password; retrying',
        ),
    });
  return {
    data,
    writer,
    admin,
    bulk: () => {
      if (room > 1) bulk ??= openBulk();
      return [bulk, admin].find((redis) => redis?.status === 'ready') ?? data;
    },
    link,
    linkFault: () => linkFault?.text ?? '',
    info: new RedisInfo(data, counters, { limits }, admin),
    limits,
    keyCounter: new KeyCounter(
      { redis: admin, counters, keyPrefix: config.store.keyPrefix },
      { maxAgeMs: config.stats.maxAgeMs },
    ),
    count: () => all.filter(({ status }) => status === 'ready').length,
    linkArmed: () => {
      linkReconnection.proved();
      linkEvents.armed();
      limits.gone('tracking');
    },
    linkRefused: (error) => {
      linkEvents.refused(error);
      limits.found('tracking', error.message.split(', with args')[0]!);
    },
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
      if (stopRenewal) stopRenewal();
      target.close();
      for (const redis of all) {
        // Without listeners, because a connection that is closed on purpose must not be logged as lost.
        redis.removeAllListeners('close');
        redis.disconnect();
      }
    },
  };
}

type ConnectionLog = ReturnType<ReturnType<typeof connectionLogs>>;

/** The events of the link, which is up only when it is armed. */
function linkLog(log: Logger, { up, down, fault }: ConnectionLog) {
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

/**
 * Returns a function that returns the events of one connection. They log one line when a connection is lost, and one
 * line when it is ready again. A further line names the cause if the connection cannot be opened again although the
 * server accepts connections. Retries have no line. An error that several connections have is logged once.
 */
function connectionLogs(log: Logger, password: () => string | undefined) {
  const errors = new Set<string>();
  return (connection: string) => {
    let lost = false;
    let failed = false;
    return {
      up: () => {
        log.info({ connection }, 'Redis connected');
        lost = false;
        failed = false;
        errors.clear();
      },
      down: () => {
        if (!lost && !failed) log.error({ connection }, 'Redis connection lost; reconnecting');
        lost = true;
      },
      // The error is logged also after the loss was logged: it names the cause, such as a wrong certificate.
      fault: (fault: NodeJS.ErrnoException) => {
        // The server has stopped or restarts. The line about the loss says enough.
        if (lost && fault.code === 'ECONNREFUSED') return;
        const error = describeFault(fault, password());
        if (!failed && !errors.has(error))
          log.error({ connection, error }, 'Redis connection error; retrying');
        failed = true;
        errors.add(error);
      },
    };
  };
}
