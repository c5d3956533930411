import type { Profile } from '../profile.ts';
import type { RunResult } from '../result.ts';
import type { Headers } from '../support/head.ts';
import { pin, SERVER_CORE } from '../support/pin.ts';
import { fillWithData } from './fill-redis.ts';
import { needPrograms } from './programs.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { reachesRedis, redisEnv } from './replicas.ts';
import { startService } from './service.ts';

/** The measured server. `redis` and `pid` are undefined for a server that the harness did not start. */
export interface Target {
  /** Default: 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** The name in the certificate of a service with TLS. */
  readonly secureName?: string;
  /** Header lines of every request, `Host` included. Default: `Host: 127.0.0.1`. */
  readonly headers?: Headers;
  /** URL of a service that the harness did not start. */
  readonly url?: string;
  /** Version of a service that the harness did not start; undefined if the service did not report it. */
  readonly version?: string;
  readonly pid?: number;
  readonly redis?: RedisServer;
  stop(): Promise<void>;
}

/** What a result has about the target. */
export function identityOf({ url, version }: Target): Pick<RunResult, 'target' | 'service'> {
  return { target: url ?? null, ...(version !== undefined && { service: { version } }) };
}

/** Starts a service and a redis-server with the data of the profile, both on the server's core. */
export async function startTarget(
  { data, env = {} }: Pick<Profile, 'data' | 'env'>,
  seed: number,
): Promise<Target> {
  needPrograms('redis-server', 'redis-cli');
  const redis = await startRedis();
  try {
    await fillWithData(redis, data, seed);
    const service = await startService({ env: { ...redisEnv(redis), SHUTDOWN_GRACE_MS: '0', ...env } });
    pin(SERVER_CORE, redis.pid);
    pin(SERVER_CORE, service.pid);
    const stop = async () => {
      await service.stop();
      await redis.stop();
    };
    await reachesRedis(service).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    return { port: service.port, pid: service.pid, redis, stop };
  } catch (error) {
    await redis.stop();
    throw error;
  }
}
