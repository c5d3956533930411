/** Puts the parts of a service together, as its configuration has it. */
import { randomBytes } from 'node:crypto';
import type { CoherenceState } from '../cache/bus.ts';
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
import { RedisBus } from '../redis/redis-bus.ts';
import { RedisStore } from '../redis/redis-store.ts';
import { connectRedis, type RedisConnections } from './compose-redis.ts';

export interface Core {
  readonly cache: TwoLevel;
  readonly clock: CoarseClock;
  readonly counters: Counters;
  /** Undefined when standalone. */
  readonly redis: RedisConnections | undefined;
  /** Lets go of everything. */
  readonly close: () => void;
}

/** The two tiers and the link between replicas, without anything that serves them. */
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
  const redis = connectRedis(config, counters, log);
  const { keyPrefix, compressionThresholdBytes } = config.store;
  const { channel } = config.pubsub;
  const { maxValueBytes, maxKeyBytes } = config.limits;
  const store =
    redis &&
    new RedisStore(
      {
        keyPrefix,
        compressionThresholdBytes,
        maxValueBytes,
        commandTimeoutMs: config.redis!.commandTimeoutMs,
        ttls,
        channel: config.pubsub.enabled ? channel : undefined,
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
    linked: redis?.link !== undefined,
    ttls,
    onMiss: missLog && ((key) => missLog.record(key)),
    onState: (state) => logState(log, state),
  });
  const { heartbeatIntervalMs, heartbeatTimeoutMs } = config.pubsub;
  const bus =
    redis?.link &&
    new RedisBus(
      { keyPrefix, channel, origin, maxKeyBytes, heartbeatIntervalMs, heartbeatTimeoutMs },
      {
        link: redis.link,
        data: redis.data,
        counters,
        listener: cache,
        onMalformed: (from, message) =>
          log.warn({ origin: from, message }, 'malformed message on the invalidation channel, ignored'),
        onArmFault: (error) =>
          log.error({ error: error.message }, 'the invalidation link cannot be armed; retrying'),
      },
    );
  const { cleanupIntervalMs } = config.local;
  const stopSweeping = memory && cleanupIntervalMs > 0 ? sweepEvery(memory, cleanupIntervalMs) : undefined;

  return {
    cache,
    clock,
    counters,
    redis,
    close: () => {
      stopSweeping?.();
      missLog?.flush();
      clock.stop();
      bus?.close();
      redis?.close();
    },
  };
}

function logState(log: Logger, state: CoherenceState): void {
  if (state === 'coherent') log.info({ state }, 'L1 is coherent with Redis');
  else log.warn({ state }, 'L1 is not trusted: coherence with Redis is lost');
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
