import type { RedisServer } from './redis-server.ts';
import type { Target } from './target.ts';

/** Keys that a Redis was asked for since it started, found or not. @throws where it cannot be asked */
export async function keyReadsOf(redis: RedisServer): Promise<number> {
  const stats = await redis.cli('INFO', 'stats');
  const count = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)![1]);
  return count('keyspace_hits') + count('keyspace_misses');
}

/** Those of the target's own; null where it has none that can be asked. */
export async function redisReads({ redis }: Target): Promise<number | null> {
  return redis === undefined ? null : keyReadsOf(redis).catch(() => null);
}
