import type { CoherenceState } from '../cache/bus.ts';
import type { Memory } from '../cache/l1/memory.ts';
import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';
import type { RedisStatus } from '../redis/info.ts';
import type { AddonReport } from '../uws.ts';
import { type PendingWritesBody, pendingWritesBody } from './pending-writes-body.ts';
import type { ServerHealth } from './servers.ts';

export interface HealthDeps {
  /** The version of ratecache. */
  readonly version: string;
  readonly addon: AddonReport;
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone. */
  readonly redis: RedisStatus | undefined;
  /** The masters of a Cluster. */
  readonly servers?: readonly ServerHealth[] | undefined;
  readonly coherence: CoherenceState;
  /** Why the invalidation link is not connected; empty if it is. */
  readonly linkFault?: string | undefined;
  /**
   * How late the event loop is, and the delay above which requests are shed: OVERLOAD_LOOP_DELAY_MS. With 0 no request
   * is shed.
   */
  readonly loop?: { readonly delayMs: number; readonly limitMs: number };
  /** The number of sources whose heartbeats stopped. */
  readonly deadSources?: number;
  /** Whether the circuit breaker is open: Redis is not used until a probe succeeds. */
  readonly breakerOpen?: boolean | undefined;
  /** The clock of Redis minus the clock of this machine, in ms; undefined while it is unknown. */
  readonly clockOffsetMs?: number | undefined;
  /** What the servers lack or refuse, a sentence each. */
  readonly limits?: readonly string[];
  /** Undefined when standalone, or if pending writes are disabled. */
  readonly pendingWrites?: PendingWrites | undefined;
  /** The certificate of the service; undefined without TLS. `expiresAt` is in ms. */
  readonly certificate?: { readonly expiresAt: number } | undefined;
}

/** The body of `/health`. */
export interface HealthBody {
  /** `degraded`: the service answers, but `reasons` limit it. `unhealthy`: no tier can answer. */
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  /** Why the service is not healthy, a sentence each; empty when it is healthy. */
  readonly reasons: readonly string[];
  /** Dead sources, and an event loop that is late, a sentence each. They do not change `status`. */
  readonly warnings: readonly string[];
  readonly mode: 'redis' | 'standalone';
  readonly version: string;
  /** The loaded addon of uWebSockets.js. */
  readonly addon: AddonReport;
  readonly coherence: CoherenceState;
  readonly redis: {
    readonly connected: boolean;
    readonly response_time_ms: number | null;
    readonly server_info: RedisStatus['server_info'];
    /** `open`: Redis is not used until a probe succeeds. Absent when standalone. */
    readonly breaker?: 'open' | 'closed';
    /** Why Redis is not connected; absent if it is. */
    readonly error?: string;
    /** Why the invalidation link is not connected; absent if it is. */
    readonly link_error?: string;
    /** The masters of a Cluster. */
    readonly servers?: readonly ServerHealth[];
  };
  readonly local_cache: {
    readonly status: 'healthy' | 'disabled';
    readonly items: number;
    readonly memory_bytes: number;
  };
  readonly pending_writes?: PendingWritesBody | undefined;
  /** Absent without TLS. */
  readonly tls?: { readonly certificate_expires_at: string };
  /** Only with PROCESSES: each process. `pid` is null while the process restarts. */
  readonly processes?: readonly {
    readonly process: number;
    readonly pid: number | null;
    readonly status: HealthBody['status'] | 'no answer';
  }[];
}

export interface Health {
  /** Whether the service can answer reads, from Redis or from L1. */
  readonly serving: boolean;
  readonly body: HealthBody;
}

/** The maximum difference between the clocks of this machine and of Redis, in ms. Beyond it the service is degraded. */
const CLOCK_OFFSET_LIMIT_MS = 5000;

export function health(deps: HealthDeps): Health {
  const { version, addon, memory, redis, servers, coherence, pendingWrites, certificate } = deps;
  const serving =
    memory !== undefined || redis?.connected === true || servers?.some(({ connected }) => connected) === true;
  const reasons = [...reasonsOf(deps), ...(deps.limits ?? [])];
  return {
    serving,
    body: {
      status: !serving ? 'unhealthy' : reasons.length > 0 ? 'degraded' : 'healthy',
      reasons,
      warnings: warningsOf(deps),
      mode: redis === undefined ? 'standalone' : 'redis',
      version,
      addon,
      coherence,
      redis: {
        ...redisHealth(redis, deps.breakerOpen === true),
        ...(deps.linkFault ? { link_error: deps.linkFault } : {}),
        ...(deps.servers === undefined ? {} : { servers: deps.servers }),
      },
      local_cache:
        memory === undefined
          ? { status: 'disabled', items: 0, memory_bytes: 0 }
          : { status: 'healthy', items: memory.size, memory_bytes: memory.bytes },
      ...(pendingWrites === undefined ? {} : { pending_writes: pendingWritesBody(pendingWrites) }),
      ...(certificate && { tls: { certificate_expires_at: new Date(certificate.expiresAt).toISOString() } }),
    },
  };
}

function reasonsOf(deps: HealthDeps): string[] {
  const { servers, certificate } = deps;
  const reasons =
    servers !== undefined && servers.length > 0 ? servers.flatMap(serverReasons) : redisReasons(deps);
  if (certificate !== undefined && certificate.expiresAt <= Date.now())
    reasons.push(
      'The TLS certificate has expired: clients that verify it cannot connect. Replace TLS_CERT_FILE',
    );
  return reasons;
}

function warningsOf({ loop, deadSources = 0, redis }: HealthDeps): string[] {
  return [...(loop === undefined ? [] : loopWarnings(loop)), ...sourceWarnings(deadSources, redis)];
}

/** The share of OVERLOAD_LOOP_DELAY_MS from which a delay is worth a warning: half of it is left before requests are shed. */
const LATE_SHARE = 0.5;

function loopWarnings({ delayMs, limitMs }: NonNullable<HealthDeps['loop']>): string[] {
  if (limitMs === 0 || delayMs <= limitMs * LATE_SHARE) return [];
  const shedding = delayMs > limitMs ? 'only L1 hits are' : `above ${limitMs} ms, only L1 hits will be`;
  return [
    `The event loop is ${Math.round(delayMs)} ms late: ${shedding} answered. ` +
      'If "ratecache top" shows a CPU share near 100 %, add replicas or processes; else the machine or the CPU limit is too busy',
  ];
}

function sourceWarnings(deadSources: number, redis: HealthDeps['redis']): string[] {
  if (deadSources === 0) return [];
  const sources = deadSources === 1 ? '1 source is' : `${deadSources} sources are`;
  const cause = redis?.connected === false ? ' Heartbeats need Redis' : ' "ratecache sources" lists them';
  return [`${sources} dead: values stored before that are suspect.${cause}`];
}

function redisReasons({ redis, coherence, linkFault, breakerOpen, clockOffsetMs }: HealthDeps): string[] {
  const reasons: string[] = [];
  if (redis?.connected === false) reasons.push(`Redis is unreachable: ${redis.error}`);
  if (redis?.connected && redis.replica)
    reasons.push('Redis is a replica: writes are pending until REDIS_HOST leads to a master');
  if (breakerOpen) reasons.push('The circuit breaker is open: Redis is not used until a probe succeeds');
  if (coherence === 'degraded') reasons.push(linkReason('The invalidation link', linkFault, 'reads'));
  if (coherence === 'blind') reasons.push('L1 is not coherent with Redis: reads may be stale');
  if (isSkewed(clockOffsetMs))
    reasons.push(
      `The clock of this machine differs from the clock of Redis by ${Math.round(clockOffsetMs)} ms: synchronise it`,
    );
  return reasons;
}

function serverReasons(health: ServerHealth): string[] {
  const { server, connected, error, link_error, breaker, coherence, clock_offset_ms } = health;
  const reasons: string[] = [];
  if (!connected) reasons.push(`Redis ${server} is unreachable: ${error}`);
  if (breaker === 'open')
    reasons.push(`The circuit breaker of Redis ${server} is open: it is not used until a probe succeeds`);
  if (coherence === 'degraded')
    reasons.push(linkReason(`The invalidation link of Redis ${server}`, link_error, 'reads of its keys'));
  if (coherence === 'blind')
    reasons.push(`L1 is not coherent with Redis ${server}: reads of its keys may be stale`);
  if (isSkewed(clock_offset_ms))
    reasons.push(
      `The clock of this machine differs from the clock of Redis ${server} by ${clock_offset_ms} ms: synchronise both`,
    );
  return reasons;
}

/** @param fault why the link is not connected; empty or undefined if it is */
function linkReason(link: string, fault: string | undefined, reads: string): string {
  return `${link} is down${fault ? ` (${fault})` : ''}: ${reads} go to Redis, and subscribers miss changes by others`;
}

function isSkewed(offsetMs: number | undefined): offsetMs is number {
  return offsetMs !== undefined && Math.abs(offsetMs) > CLOCK_OFFSET_LIMIT_MS;
}

function redisHealth(redis: RedisStatus | undefined, breakerOpen: boolean): HealthBody['redis'] {
  if (redis === undefined) {
    const error = 'standalone: no Redis is configured';
    return { connected: false, response_time_ms: null, server_info: {}, error };
  }
  const { connected, response_time_ms, server_info } = redis;
  const breaker = breakerOpen ? 'open' : 'closed';
  return redis.connected
    ? { connected, response_time_ms, server_info, breaker }
    : { connected, response_time_ms, server_info, breaker, error: redis.error };
}
