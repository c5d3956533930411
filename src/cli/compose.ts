/** Puts the parts of a service together, as its configuration has it. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { CoarseClock } from '../cache/clock.ts';
import type { TtlTable } from '../cache/key.ts';
import { Memory } from '../cache/memory.ts';
import { sweepEvery } from '../cache/sweep.ts';
import { TwoLevel } from '../cache/two-level.ts';
import { VersionClock } from '../cache/version.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { Counters } from '../metrics/counters.ts';
import { MissLog } from '../metrics/miss-log.ts';
import { Census } from '../redis/census.ts';
import { connect } from '../redis/connect.ts';
import { describeFault } from '../redis/describe-fault.ts';
import { RedisInfo } from '../redis/info.ts';
import { RedisStore } from '../redis/redis-store.ts';

export interface Core {
  readonly cache: TwoLevel;
  readonly clock: CoarseClock;
  readonly counters: Counters;
  /** Undefined when standalone. */
  readonly redis: RedisConnections | undefined;
  /** Lets go of everything. */
  readonly close: () => Promise<void>;
}

export interface RedisConnections {
  readonly data: Redis;
  readonly admin: Redis;
  readonly info: RedisInfo;
  readonly census: Census;
  /** How many connections are up. */
  readonly count: () => number;
  /** Settles once all are up, or after `timeoutMs`; says which it was. */
  readonly whenUp: (timeoutMs: number) => Promise<boolean>;
}

/** The two tiers, without anything that serves them. */
export function composeCore(config: Config, log: Logger): Core {
  const counters = new Counters();
  const clock = new CoarseClock();
  const origin = randomBytes(4).toString('hex');
  const ttls: TtlTable = [
    config.ttl.borrowRateMs,
    config.ttl.volatilityMs,
    config.ttl.eventRiskMs,
    config.ttl.brokerConfigMs,
    config.ttl.calculationMs,
    config.ttl.minRateMs,
    config.ttl.calculationMs,
  ];
  const redis = connectAll(config, counters, log);
  const store =
    redis &&
    new RedisStore(
      {
        keyPrefix: config.store.keyPrefix,
        compressionThresholdBytes: config.store.compressionThresholdBytes,
        maxValueBytes: config.limits.maxValueBytes,
        commandTimeoutMs: config.redis!.commandTimeoutMs,
        ttls,
        channel: config.pubsub.enabled ? config.pubsub.channel : undefined,
        origin,
      },
      { data: redis.data, admin: redis.admin, counters, onUnreadable: unreadableLog(log) },
    );
  const { enabled, maxEntries, maxBytes, ttlMs } = config.local;
  const memory = enabled
    ? new Memory({ maxEntries, maxBytes, ttlMs: store ? ttlMs : Number.POSITIVE_INFINITY }, clock, counters)
    : undefined;
  const missLog = config.stats.enabled ? new MissLog({ log }) : undefined;
  const cache = new TwoLevel({
    memory,
    store,
    clock,
    versions: new VersionClock(origin),
    counters,
    ttls,
    onMiss: missLog && ((key) => missLog.record(key)),
  });
  const stopSweeping =
    memory && config.local.cleanupIntervalMs > 0
      ? sweepEvery(memory, config.local.cleanupIntervalMs)
      : undefined;

  return {
    cache,
    clock,
    counters,
    redis,
    close: async () => {
      stopSweeping?.();
      missLog?.flush();
      clock.stop();
      redis?.data.disconnect();
      redis?.admin.disconnect();
    },
  };
}

function connectAll(config: Config, counters: Counters, log: Logger): RedisConnections | undefined {
  if (config.redis === undefined) return undefined;
  const { host, port, username, password, db, connectTimeoutMs } = config.redis;
  const secret = password.reveal();
  const address = {
    host,
    port,
    username,
    password: secret === '' ? undefined : secret,
    db,
    connectTimeoutMs,
  };
  const names = ['data', 'admin'] as const;
  const [data, admin] = names.map((name) =>
    connect(address, name, counters, connectionLog(log, name, address.password)),
  );
  const all = [data!, admin!];
  const { keyPrefix } = config.store;
  return {
    data: data!,
    admin: admin!,
    info: new RedisInfo(admin!, counters),
    census: new Census({ redis: admin!, counters, keyPrefix }, { maxAgeMs: config.stats.maxAgeMs }),
    count: () => all.filter(({ status }) => status === 'ready').length,
    whenUp: (timeoutMs) => {
      const up = all.map((redis) =>
        redis.status === 'ready' ? undefined : new Promise((resolve) => redis.once('ready', resolve)),
      );
      const timeout = new Promise<boolean>((resolve) => setTimeout(resolve, timeoutMs, false).unref());
      return Promise.race([Promise.all(up).then(() => true), timeout]);
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

const UNREADABLE_LOG_INTERVAL_MS = 60_000;

/** At most a line a minute, however many values cannot be read; the metrics count them all. */
function unreadableLog(log: Logger): (key: string) => void {
  let silentUntil = 0;
  return (key) => {
    const now = Date.now();
    if (now < silentUntil) return;
    silentUntil = now + UNREADABLE_LOG_INTERVAL_MS;
    log.warn({ key }, 'a value in Redis is in no known form and counts as a cache miss');
  };
}
