import type { RedisServer } from '../../loadtest/target/redis-server.ts';

/**
 * Runs a step while Redis accepts connections and commands but answers none. Services become coherent some time
 * later: see `reachesRedis`.
 */
export async function whileFrozen<T>(redis: RedisServer, step: () => Promise<T>): Promise<T> {
  await redis.signal('SIGSTOP');
  try {
    return await step();
  } finally {
    await redis.signal('SIGCONT');
  }
}
