/** Builds the parts of a service from its configuration. */
import { randomBytes } from 'node:crypto';
import { ServiceClock } from '../cache/clock.ts';
import { Memory } from '../cache/l1/memory.ts';
import { sweepEvery } from '../cache/l1/sweep.ts';
import { LoopDelay } from '../cache/loop-delay.ts';
import { PendingWrites } from '../cache/pending-writes/pending-writes.ts';
import { TwoLevel } from '../cache/two-level.ts';
import { VersionClock } from '../cache/version.ts';
import type { Config } from '../config/config.ts';
import type { TtlTable } from '../key.ts';
import type { Logger } from '../log.ts';
import { Counters } from '../metrics/counters.ts';
import { MissLog } from '../metrics/miss-log.ts';
import { Breaker } from '../redis/breaker.ts';
import { syncClock } from '../redis/clock-sync.ts';
import type { OpenRedis } from '../redis/connect.ts';
import { RedisBus } from '../redis/redis-bus.ts';
import { RedisStore } from '../redis/redis-store.ts';
import { connectRedis, type RedisConnections } from './compose-redis.ts';
import { skewLog, stateLog, supersededLog, unreadableLog, watchFaults } from './core-logs.ts';

/** The share of the pending writes that only deletions may use, so that values cannot keep them out. */
const RESERVED_PERCENT = 10;
/** Deletions by type or pattern that are kept although the limit of pending writes is reached. */
const SPARE_MATCHES = 100;

export interface Core {
  readonly cache: TwoLevel;
  readonly clock: ServiceClock;
  readonly counters: Counters;
  readonly loopDelay: LoopDelay;
  /** Undefined when standalone. */
  readonly redis: RedisConnections | undefined;
  readonly breaker: Breaker | undefined;
  /** Resolves when the link has reported every change that Redis made before this call; at once without a link. */
  readonly linkCaughtUp: () => Promise<void>;
  /** Resolves with true when Redis is usable, or with false after `timeoutMs`. */
  readonly whenUp: (timeoutMs: number) => Promise<boolean>;
  /** Closes all connections and stops all timers. */
  readonly close: () => void;
}

/** Parts that a simulation replaces. */
export interface CoreSeams {
  readonly openRedis?: OpenRedis;
  /** Identifies this process: eight hexadecimal digits that are unique among all processes; random by default. */
  readonly origin?: string;
  readonly clock?: ServiceClock;
}

/** Builds the two tiers and the link between replicas, without the servers. */
export function composeCore(config: Config, log: Logger, seams: CoreSeams = {}): Core {
  const counters = new Counters();
  const clock = seams.clock ?? new ServiceClock();
  const origin = seams.origin ?? randomBytes(4).toString('hex');
  const ttls: TtlTable = [
    config.ttl.borrowRateMs,
    config.ttl.volatilityMs,
    config.ttl.eventRiskMs,
    config.ttl.brokerConfigMs,
    config.ttl.calculationMs,
    config.ttl.minRateMs,
    config.ttl.calculationMs,
  ];
  const redis = connectRedis(config, counters, log, seams.openRedis);
  const loopDelay = new LoopDelay();
  const breaker = redis && composeBreaker(config, redis, log, () => onBreaker());
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
        db: config.redis!.db,
      },
      {
        data: redis.data,
        admin: redis.admin,
        bulk: redis.bulk,
        counters,
        clock,
        ...(breaker === undefined ? {} : { breaker }),
        onReadonly: redis.refusedAsReplica,
        onUnreadable: unreadableLog(log),
      },
    );
  const { enabled, maxEntries, maxBytes, ttlMs } = config.local;
  const memory = enabled
    ? new Memory({ maxEntries, maxBytes, ttlMs: store ? ttlMs : Number.POSITIVE_INFINITY }, clock, counters)
    : undefined;
  const missLog = config.stats.enabled ? new MissLog(log) : undefined;
  const cache = new TwoLevel({
    memory,
    store,
    clock,
    versions: new VersionClock(origin, () => clock.exact),
    counters,
    linked: redis?.link !== undefined,
    ttls,
    pendingWrites: pendingWritesOf(config),
    rewarm: config.faults.rewarm,
    onMiss: missLog && ((key) => missLog.record(key)),
    onSuperseded: supersededLog(log),
    onState: stateLog(log),
  });
  const { heartbeatIntervalMs, heartbeatTimeoutMs } = config.pubsub;
  const bus =
    redis?.link &&
    new RedisBus(
      {
        keyPrefix,
        channel,
        origin,
        db: config.redis!.db,
        maxKeyBytes,
        heartbeatIntervalMs,
        heartbeatTimeoutMs,
      },
      {
        link: redis.link,
        data: redis.data,
        counters,
        listener: cache,
        usable: () => usable(),
        onMalformed: (from, message) =>
          log.warn({ origin: from, message }, 'malformed message on the invalidation channel, ignored'),
        onArmed: redis.linkArmed,
        onArmFault: redis.linkRefused,
      },
    );
  // Without a link, `judge` derives the coherence state from this alone.
  const usable = () => redis?.data.status === 'ready' && clock.synced && !breaker!.open;
  const judge = () => {
    if (bus !== undefined) return bus.updateState();
    const state = usable() ? 'off' : 'blind';
    if (state !== cache.coherence) cache.stateChanged(state);
  };
  const onBreaker = () => {
    judge();
    if (!breaker!.open) void cache.replay();
  };
  redis?.data.on('close', judge);
  const clockSet = Promise.withResolvers<void>();
  const stopClockSync =
    redis &&
    syncClock(redis.data, clock, {
      synced: () => {
        clockSet.resolve();
        breaker!.probeNow();
        judge();
        void cache.replay();
      },
      stepped: (ms) => cache.clockStepped(ms),
      refused: (error) =>
        log.warn({ error: error.message }, 'Redis rejected TIME; synchronise the clocks of all replicas'),
      sampled: skewLog(log, clock),
    });
  if (redis !== undefined) judge();
  const stopFaultLog = redis && watchFaults(counters, log);
  const { cleanupIntervalMs } = config.local;
  const stopSweeping = memory && cleanupIntervalMs > 0 ? sweepEvery(memory, cleanupIntervalMs) : undefined;

  return {
    cache,
    clock,
    counters,
    loopDelay,
    redis,
    breaker,
    linkCaughtUp: async () => bus?.caughtUp(),
    whenUp: async (timeoutMs) => redis === undefined || redis.whenUp(timeoutMs, clockSet.promise),
    close: () => {
      stopFaultLog?.();
      stopClockSync?.();
      loopDelay.stop();
      stopSweeping?.();
      missLog?.flush();
      clock.stop();
      bus?.close();
      redis?.close();
    },
  };
}

function pendingWritesOf({ faults }: Config): PendingWrites | undefined {
  const { pendingWritesMaxEntries, pendingWritesMaxBytes, pendingWritesMaxClientPercent } = faults;
  if (pendingWritesMaxEntries === 0) return undefined;
  return new PendingWrites({
    maxEntries: pendingWritesMaxEntries,
    maxBytes: pendingWritesMaxBytes,
    maxClientPercent: pendingWritesMaxClientPercent,
    reservedPercent: RESERVED_PERCENT,
    spareMatches: SPARE_MATCHES,
  });
}

/** @param onChange called when it opens or closes */
function composeBreaker(
  config: Config,
  { data }: RedisConnections,
  log: Logger,
  onChange: () => void,
): Breaker {
  return new Breaker(
    { failures: config.faults.breakerFailures, timeoutMs: config.redis!.commandTimeoutMs },
    {
      probe: () => data.ping(),
      onChange: (open) => {
        if (open) log.error('circuit breaker open: Redis is not used until a probe succeeds in time');
        else log.info('circuit breaker closed: Redis answers in time again');
        onChange();
      },
    },
  );
}
