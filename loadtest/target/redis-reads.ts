import type { RedisServer } from './redis-server.ts';
import type { Target } from './target.ts';

/** Keys read from a Redis since it started, found or not. @throws if Redis does not answer */
export async function keyReadsOf(redis: RedisServer): Promise<number> {
  const stats = await redis.cli('INFO', 'stats');
  const count = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)![1]);
  return count('keyspace_hits') + count('keyspace_misses');
}

/** Keys read from the Redis of the target; null without a Redis that answers. */
export async function redisReads({ redis }: Target): Promise<number | null> {
  return redis === undefined ? null : keyReadsOf(redis).catch(() => null);
}
