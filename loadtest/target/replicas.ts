import { until } from '../support/until.ts';
import type { RedisServer } from './redis-server.ts';
import { type Service, startService } from './service.ts';

/** Variables of a service that uses this Redis. */
export function redisEnv(redis: Pick<RedisServer, 'port'>): Record<string, string> {
  return { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port), REDIS_PASSWORD: '' };
}

/**
 * What most tests want: no wait at the end, and no timeout, lost link, expiry or refusal only because the machine is busy.
 * A test about a link that falls silent sets its own HEARTBEAT_TIMEOUT_MS.
 */
export const PATIENT = {
  SHUTDOWN_GRACE_MS: '0',
  REDIS_COMMAND_TIMEOUT_MS: '5000',
  HEARTBEAT_TIMEOUT_MS: '30000',
  OVERLOAD_LOOP_DELAY_MS: '0',
  CALCULATION_RESULT_TTL: '3600',
};

/**
 * Starts a service with this Redis and `PATIENT`, which `env` overrides, and waits until the service is coherent.
 * @param under a program, with its arguments, that runs the service
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

/** Waits until Redis answers reads and scans of the service, and the service is coherent. */
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
    { timeoutMs: 60_000, everyMs: 20 },
  );
}
