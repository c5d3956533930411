import type { CoherenceState } from '../cache/bus.ts';
import type { Journal } from '../cache/journal.ts';
import type { Memory } from '../cache/memory.ts';
import type { RedisStatus } from '../redis/info.ts';
import { type JournalBody, journalBody } from './journal-body.ts';

export interface HealthParts {
  /** Of ratecache itself. */
  readonly version: string;
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone. */
  readonly redis: RedisStatus | undefined;
  readonly coherence: CoherenceState;
  /** Undefined where no changes are kept. */
  readonly journal?: Journal | undefined;
}

/** The body of `/health`. */
export interface HealthBody {
  /** `degraded`: Redis does not answer or the invalidation link is lost. `unhealthy`: there is no tier that could serve. */
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly mode: 'redis' | 'standalone';
  readonly version: string;
  readonly coherence: CoherenceState;
  readonly redis: {
    readonly connected: boolean;
    readonly response_time_ms: number | null;
    readonly server_info: RedisStatus['server_info'];
    /** Only where it is not connected. */
    readonly error?: string;
  };
  readonly local_cache: {
    readonly status: 'healthy' | 'disabled';
    readonly items: number;
    readonly memory_bytes: number;
  };
  readonly journal?: JournalBody | undefined;
}

export interface Health {
  /** Whether the service can serve, if only from L1. */
  readonly serving: boolean;
  readonly body: HealthBody;
}

/** Puts the body of `/health` together. */
export function health({ version, memory, redis, coherence, journal }: HealthParts): Health {
  const serving = memory !== undefined || redis?.connected === true;
  const degraded = redis?.connected === false || coherence === 'degraded' || coherence === 'blind';
  return {
    serving,
    body: {
      status: !serving ? 'unhealthy' : degraded ? 'degraded' : 'healthy',
      mode: redis === undefined ? 'standalone' : 'redis',
      version,
      coherence,
      redis: redisHealth(redis),
      local_cache:
        memory === undefined
          ? { status: 'disabled', items: 0, memory_bytes: 0 }
          : { status: 'healthy', items: memory.size, memory_bytes: memory.bytes },
      ...(journal === undefined ? {} : { journal: journalBody(journal) }),
    },
  };
}

function redisHealth(redis: RedisStatus | undefined): HealthBody['redis'] {
  if (redis === undefined) {
    const error = 'standalone: no Redis is configured';
    return { connected: false, response_time_ms: null, server_info: {}, error };
  }
  const { connected, response_time_ms, server_info } = redis;
  return redis.connected
    ? { connected, response_time_ms, server_info }
    : { connected, response_time_ms, server_info, error: redis.error };
}
