/** Builds the parts of a service from its configuration. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { ServiceClock } from '../cache/clock.ts';
import { viewOf } from '../cache/key-view.ts';
import { Memory } from '../cache/l1/memory.ts';
import { sweepEvery } from '../cache/l1/sweep.ts';
import { LoopDelay } from '../cache/loop-delay.ts';
import { PendingWrites } from '../cache/pending-writes/pending-writes.ts';
import { MemoryQualityStore } from '../cache/quality/memory-store.ts';
import { Quality } from '../cache/quality/quality.ts';
import { QualityRegistry } from '../cache/quality/registry.ts';
import { RecentChanges } from '../cache/recent-changes.ts';
import { ONE_SLOT } from '../cache/slots.ts';
import { TwoLevel } from '../cache/two-level.ts';
import { VersionClock } from '../cache/version.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../log.ts';
import { Counters } from '../metrics/counters.ts';
import { HotKeys } from '../metrics/hot-keys.ts';
import { MissLog } from '../metrics/miss-log.ts';
import type { OpenRedis } from '../redis/connect.ts';
import type { ReplicaView } from '../redis/inquiry-messages.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { AccessLog, AccessLogs } from './access-log.ts';
import { composeRedis, type RedisSide } from './compose-l2.ts';
import { stateLog, supersededLog, watchFaults } from './core-logs.ts';

/** The share of the pending writes that only deletions may use, so that values cannot keep them out. */
const RESERVED_PERCENT = 10;
/** How often sources and marks are read while no link reports their changes. */
const POLL_MS = 1000;
/** Deletions by type or pattern that are kept although the limit of pending writes is reached. */
const SPARE_MATCHES = 100;

export interface Core {
  readonly cache: TwoLevel;
  readonly clock: ServiceClock;
  readonly counters: Counters;
  /** The id of this process: the last eight digits of the versions that it makes. */
  readonly replica: string;
  readonly loopDelay: LoopDelay;
  /** Undefined when standalone. */
  readonly redis: RedisSide | undefined;
  /** Returns what this replica knows about a key. */
  readonly view: (key: string) => ReplicaView;
  readonly hotKeys: HotKeys;
  /** Sources and marks. */
  readonly marks: QualityRegistry;
  readonly accessLog: AccessLogs;
  /** Values that are written from now on have these times to live by default. */
  readonly setTtls: (ttl: Config['ttl']) => void;
  /** L1 asks L2 again this long after it has stored an entry, for entries that it stores from now on. */
  readonly setLocalTtl: (ttlMs: number) => void;
  /** Resolves when the link has reported every change that Redis made before this call; at once without a link. */
  readonly linkCaughtUp: () => Promise<void>;
  /** Resolves with true when Redis is usable, or with false after `timeoutMs`. */
  readonly whenUp: (timeoutMs: number) => Promise<boolean>;
  /** Closes all connections and stops all timers. */
  readonly close: () => void;
}

/** Facts of the process, and parts that a simulation replaces. */
export interface CoreSeams {
  readonly openRedis?: OpenRedis;
  /** Identifies this process: eight hexadecimal digits that are unique among all processes; random by default. */
  readonly origin?: string;
  readonly clock?: ServiceClock;
  /** The version of ratecache, for explanations. */
  readonly release?: string;
  /** Undefined without traces. */
  readonly tracing?: Tracing | undefined;
  /** The number of the process; only with PROCESSES. */
  readonly process?: number;
}

/** Identifies a process: eight hexadecimal digits. */
export function randomOrigin(): string {
  return randomBytes(4).toString('hex');
}

/** Builds the two tiers and the link between replicas, without the servers. */
export function composeCore(config: Config, log: Logger, seams: CoreSeams = {}): Core {
  const counters = new Counters();
  const clock = seams.clock ?? new ServiceClock();
  const origin = seams.origin ?? randomOrigin();
  const ttls = ttlTable(config.ttl);
  const loopDelay = new LoopDelay();
  const recent = new RecentChanges(() => clock.now);
  const identity = {
    replica: origin,
    host: hostname(),
    pid: process.pid,
    release: seams.release ?? 'unknown',
    ...(seams.process !== undefined && { process: seams.process }),
  };
  const lag = () => {
    const { lastCoherenceLagSeconds: seconds } = counters;
    return seconds === undefined ? {} : { lag_ms: Math.round(seconds * 1e5) / 100 };
  };
  const view = (key: string): ReplicaView => ({ ...identity, ...lag(), ...viewOf(cache, recent, key) });
  const l2 = composeRedis({ config, log, counters, identity, view, ttls, serviceClock: clock, ...seams });
  const { enabled, maxEntries, maxBytes } = config.local;
  const slots = l2?.slots ?? ONE_SLOT;
  const localTtl = (ttlMs: number) => (l2 === undefined ? Number.POSITIVE_INFINITY : ttlMs);
  const local = { maxEntries, maxBytes, ttlMs: localTtl(config.local.ttlMs), slots };
  const memory = enabled ? new Memory(local, clock, counters) : undefined;
  const missLog = config.stats.enabled ? new MissLog(log) : undefined;
  const hotKeys = new HotKeys();
  const quality = new Quality(clock, config.minRateFallbackOn);
  const marks = new QualityRegistry({
    store: l2?.marks ?? new MemoryQualityStore(),
    quality,
    clock,
    onRejected: ({ message }) =>
      log.error(
        { error: message },
        'cannot read sources and marks from Redis, so all values count as good; retrying',
      ),
  });
  const accessLog = new AccessLogs((path) => new AccessLog(path, log, () => counters.logLinesDropped++));
  accessLog.use(config.log.accessFile);
  const cache = new TwoLevel({
    memory,
    store: l2?.store,
    slots,
    clock,
    versions: new VersionClock(origin, () => clock.exact),
    counters,
    linked: l2?.linked ?? false,
    ttls,
    dependencies: config.dependencies,
    pendingWrites: pendingWritesOf(config),
    rewarm: config.faults.rewarm,
    recent,
    quality,
    onQualityChange: (kind) => marks.reload(kind),
    onSampledRead: (key, size) => {
      hotKeys.sampledRead(key);
      accessLog.add('get', key, size);
    },
    onSampledWrite: (key, value) => accessLog.add(value ? 'set' : 'delete', key, value?.body.length),
    onMiss: (key) => {
      hotKeys.missed(key);
      missLog?.record(key);
    },
    onSuperseded: supersededLog(log),
    onState: stateLog(log),
    tracing: seams.tracing,
  });
  l2?.follow(cache);
  // Without a link, or while it is down, nothing reports changes of sources and marks.
  const unreported = () => cache.coherence === 'off' || cache.coherence === 'degraded';
  const polling = l2 && setInterval(() => unreported() && marks.reload(), POLL_MS).unref();
  const stopFaultLog = l2 && watchFaults(counters, log);
  const { cleanupIntervalMs } = config.local;
  const stopSweeping = memory && cleanupIntervalMs > 0 ? sweepEvery(memory, cleanupIntervalMs) : undefined;

  return {
    cache,
    clock,
    counters,
    replica: origin,
    loopDelay,
    redis: l2?.side,
    view,
    hotKeys,
    marks,
    accessLog,
    setTtls: (ttl) => void ttls.splice(0, ttls.length, ...ttlTable(ttl)),
    setLocalTtl: (ttlMs) => {
      local.ttlMs = localTtl(ttlMs);
    },
    linkCaughtUp: async () => l2?.linkCaughtUp(),
    whenUp: async (timeoutMs) => l2 === undefined || l2.whenUp(timeoutMs),
    close: () => {
      stopFaultLog?.();
      clearInterval(polling);
      marks.close();
      loopDelay.stop();
      stopSweeping?.();
      missLog?.flush();
      clock.stop();
      l2?.close();
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

/** A `TtlTable`, by the index of the type. */
function ttlTable(ttl: Config['ttl']): number[] {
  return [
    ttl.borrowRateMs,
    ttl.volatilityMs,
    ttl.eventRiskMs,
    ttl.brokerConfigMs,
    ttl.calculationMs,
    ttl.minRateMs,
    ttl.calculationMs,
  ];
}
