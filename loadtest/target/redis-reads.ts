import type { Target } from './target.ts';

/** Keys that Redis was asked for since it started, found or not; null where it cannot be asked. */
export async function redisReads({ redis }: Target): Promise<number | null> {
  const info = await redis?.cli('INFO', 'stats').catch(() => undefined);
  if (info === undefined) return null;
  const count = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1] ?? 0);
  return count('keyspace_hits') + count('keyspace_misses');
}
