import { until } from '../support/until.ts';
import type { RedisServer } from './redis-server.ts';
import { type Service, startService } from './service.ts';

/** How to reach this Redis, for the environment of a service. */
export function redisEnv(redis: RedisServer): Record<string, string> {
  return { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port), REDIS_PASSWORD: '' };
}

/** What most tests want: no wait at the end, and neither a time-out nor a refusal just because the machine is busy. */
export const PATIENT = {
  SHUTDOWN_GRACE_MS: '0',
  REDIS_COMMAND_TIMEOUT_MS: '5000',
  OVERLOAD_LOOP_DELAY_MS: '0',
};

/**
 * Starts a service on this Redis, `env` over `PATIENT`, and waits until it reaches it and trusts its L1.
 * @param under a program, with its arguments, that runs it
 */
export async function startReplica(
  redis: RedisServer,
  env: Record<string, string> = {},
  under: readonly string[] = [],
): Promise<Service> {
  const service = await startService({ env: { ...redisEnv(redis), ...PATIENT, ...env }, under });
  await reachesRedis(service);
  return service;
}

/** Waits until reads and scans of the service get their answers from Redis, and L1 is trusted. */
export async function reachesRedis(service: Service): Promise<void> {
  await until(
    async () => {
      const [read, scan] = await Promise.all([
        service.fetch('/v1/cache/is-redis-there'),
        service.fetch('/v1/keys?limit=1'),
      ]);
      await Promise.all([read.arrayBuffer(), scan.arrayBuffer()]);
      const status = read.headers.get('cache-status') ?? '';
      return status.startsWith('ratecache-l2') && !status.includes('coherence') && scan.status === 200;
    },
    { timeoutMs: 10_000, everyMs: 20 },
  );
}

/**
 * Runs a step while Redis takes connections and commands, and answers none. Services may trust their L1 only some
 * time later: see `reachesRedis`.
 */
export async function whileFrozen<T>(redis: RedisServer, step: () => Promise<T>): Promise<T> {
  await redis.signal('SIGSTOP');
  try {
    return await step();
  } finally {
    await redis.signal('SIGCONT');
  }
}
