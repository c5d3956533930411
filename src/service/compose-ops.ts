import type { Config } from '../config/config.ts';
import type { Load } from '../http/load.ts';
import type { Ops } from '../http/ops.ts';
import { type Health, health } from '../metrics/health.ts';
import { createRegistry } from '../metrics/prometheus.ts';
import type { PushSources } from '../metrics/push-metrics.ts';
import { type ServerSource, serverHealth, serverStats } from '../metrics/servers.ts';
import { type ProcessStats, stats } from '../metrics/stats.ts';
import type { KeyCounts } from '../redis/key-counter.ts';
import type { AddonReport } from '../uws.ts';
import type { Core } from './compose.ts';
import type { RedisSide } from './compose-l2.ts';
import type { Server } from './compose-server.ts';
import type { Readiness } from './readiness.ts';
import type { Counts } from './supervisor/questions.ts';
import type { CertificateReport } from './tls/certificate.ts';

/** What one process reports about itself. */
export interface OwnOps extends Ops {
  readonly health: () => Promise<Health>;
  /** All counts as data, at once: it does not wait for a count of the keys in Redis. */
  readonly counts: () => Promise<Counts>;
}

/** Connects the operators' endpoints with the parts of the service that they report on. */
export function composeOps(
  config: Config,
  core: Core,
  load: Load,
  readiness: Readiness,
  push: () => PushSources,
  version: string,
  addon: AddonReport,
  certificate: () => CertificateReport | undefined,
): OwnOps {
  const { redis, counters, cache } = core;
  const { memory } = cache;
  const breakerOpen = redis && (() => redis.servers().some(({ server }) => server.breaker.open));
  const servers = config.redis?.topology.kind === 'cluster' ? () => serverSources(redis!) : undefined;
  const registry = createRegistry({
    counters,
    memory,
    redis: redis && {
      info: redis.info,
      keyCounter: redis.keyCounter,
      connections: redis.count,
      maxConnections: config.redis!.maxConnections,
      servers,
    },
    coherence: () => cache.coherence,
    quality: cache.quality,
    faults: {
      counters,
      pendingWrites: cache.pendingWrites,
      clockOffsetMs: redis && (() => core.clock.wallOffsetMs),
      breakerOpen,
      servers,
      loopDelayMs: () => core.loopDelay.delayMs,
    },
    push,
    openRequests: () => load.open,
    version,
    certificateExpiresAt: config.tls && (() => certificate()!.expiresAt),
    statsEnabled: config.stats.enabled,
  });
  const statsWith = async (count: () => Promise<KeyCounts | undefined> | undefined) => {
    if (!config.stats.enabled) return { enabled: false } as const;
    const [status, keys] = await Promise.all([redis?.info.status(), count()]);
    return stats({
      counters,
      memory,
      redis: status,
      servers: servers && (await Promise.all(servers().map(serverStats))),
      keys,
      pendingWrites: cache.pendingWrites,
      process: processStats(core),
    });
  };
  return {
    health: async () =>
      health({
        version,
        addon,
        memory,
        redis: await redis?.info.status(),
        coherence: cache.coherence,
        linkFault: servers === undefined ? redis?.servers()[0]?.server.redis.linkFault() : undefined,
        loop: { delayMs: core.loopDelay.delayMs, limitMs: config.faults.overloadLoopDelayMs },
        deadSources: cache.quality.deadSources,
        servers: servers && (await Promise.all(servers().map(serverHealth))),
        breakerOpen: breakerOpen?.(),
        clockOffsetMs: redis && core.clock.wallOffsetMs,
        limits: limitsOf(redis),
        pendingWrites: cache.pendingWrites,
        certificate: certificate(),
      }),
    notReady: async () => {
      if (readiness.reason !== undefined) return readiness.reason;
      return config.http.readyRequiresRedis ? redisNotReady(core) : undefined;
    },
    metrics: async (format) =>
      format === 'openmetrics'
        ? registry.openMetrics()
        : { contentType: registry.contentType, text: await registry.metrics() },
    stats: () => statsWith(() => redis?.keyCounter.fresh().catch(() => undefined)),
    counts: async () => ({
      metrics: await registry.data(),
      stats: await statsWith(async () => redis?.keyCounter.latest()),
    }),
  };
}

function processStats({ loopDelay }: Core): ProcessStats {
  const { user, system } = process.cpuUsage();
  return {
    cpu_seconds: (user + system) / 1e6,
    event_loop_delay_ms: Math.round(loopDelay.delayMs * 1000) / 1000,
  };
}

/** What the servers lack or refuse; what several of them lack is named once. */
function limitsOf(redis: Core['redis']): string[] {
  const servers = redis?.servers() ?? [];
  return [...new Set(servers.flatMap(({ server }) => server.redis.limits.sentences))];
}

/** Why Redis cannot be used now, or undefined when it can. Of a Cluster, one master that can be used is enough. */
async function redisNotReady({ redis }: Core): Promise<string | undefined> {
  const servers = redis?.servers() ?? [];
  const reasons = await Promise.all(servers.map(({ server }) => serverNotReady(server)));
  return reasons.length === 0 ? 'Redis is not connected' : reasons.every(Boolean) ? reasons[0] : undefined;
}

async function serverNotReady({ redis, breaker }: Server): Promise<string | undefined> {
  if (redis.data.status !== 'ready') return 'Redis is not connected';
  if (breaker.open) return 'Redis does not answer: the circuit breaker is open';
  // Sends a PING: a connection may be half open while no request uses it.
  return (await redis.info.status()).connected ? undefined : 'Redis does not answer';
}

function serverSources(redis: RedisSide): ServerSource[] {
  return redis.servers().map(({ name, server }) => ({
    name: name!,
    info: server.redis.info,
    keyCounter: server.redis.keyCounter,
    coherence: server.state,
    linkFault: server.redis.linkFault(),
    breakerOpen: server.breaker.open,
    clockOffsetMs: server.clock.wallOffsetMs,
  }));
}
