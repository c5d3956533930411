import type { Match } from './match.ts';
import type { TwoLevel } from './two-level.ts';

const PAGE = 500;

/**
 * Copies entries from L2 into L1 until L1 is full, L2 has no more keys, `limit` is reached, or `signal` aborts.
 * @returns the number of entries read from L2
 * @throws StoreError where L2 cannot be read
 */
export async function warmFromStore(
  cache: TwoLevel,
  match: Match,
  limit: number,
  signal?: AbortSignal,
): Promise<number> {
  const { memory, store } = cache;
  if (memory === undefined || store === undefined) return 0;
  let warmed = 0;
  let cursor: string | undefined;
  do {
    const page = await store.list(match, cursor, PAGE);
    cursor = page.cursor;
    const room = Math.min(limit - warmed, memory.maxEntries - memory.size);
    const wanted = page.keys.slice(0, room).map(({ key }) => cache.refresh(key));
    for (const { source } of await Promise.all(wanted)) if (source === 'l2') warmed++;
  } while (cursor !== undefined && warmed < limit && memory.size < memory.maxEntries && !signal?.aborted);
  return warmed;
}
