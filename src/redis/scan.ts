import type { Redis } from 'ioredis';
import { literally } from '../cache/glob.ts';
import { globOf, type Match, matcher } from '../cache/match.ts';
import type { Counters } from '../metrics/counters.ts';
import { ADMIN_TIMEOUT_MS, sendCommand } from './send-command.ts';
import { checkReplies } from './unexpected-replies.ts';

// One SCAN of this many keys blocks Redis for well under a millisecond.
const SLICE_KEYS = 1000;

export interface ScanDeps {
  readonly redis: Redis;
  readonly counters: Counters;
  readonly keyPrefix: string;
}

/**
 * Yields all matching keys in Redis, with their prefix, a slice at a time. A key that exists during the whole scan is
 * yielded at least once, and perhaps twice while Redis resizes its table. A key that is inserted or deleted during the
 * scan may be missed.
 */
export async function* scan(deps: ScanDeps, match: Match): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await scanSlice(deps, match, cursor, SLICE_KEYS);
    cursor = next;
    yield keys;
  } while (cursor !== '0');
}

/**
 * Returns the matching keys, with their prefix, among about `count` keys from `cursor`. At the end the cursor is `'0'`.
 */
export async function scanSlice(
  { redis, counters, keyPrefix }: ScanDeps,
  match: Match,
  cursor: string,
  count: number,
): Promise<[cursor: string, keys: string[]]> {
  const [next, found] = await sendCommand(redis, counters, ADMIN_TIMEOUT_MS, async () => {
    const slice = await redis.scan(cursor, 'MATCH', literally(keyPrefix) + globOf(match), 'COUNT', count);
    checkReplies<unknown>(slice, 2, (part) => part === slice[0] || Array.isArray(part));
    return slice;
  });
  const matches = matcher(match);
  return [next, found.filter((key) => matches(key.slice(keyPrefix.length)))];
}
