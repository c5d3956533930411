import type { Redis } from 'ioredis';
import { StoreError } from '../cache/store.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Breaker } from './breaker.ts';
import { withDeadline } from './deadline.ts';

/** For commands on the connection that scans use: a slice can wait behind others. In milliseconds. */
export const ADMIN_TIMEOUT_MS = 2000;

/**
 * What Redis may refuse commands with for a while: it is full, loads its data, has become a replica, wants
 * another password, allows less than it did, runs a script that does not end, cannot save. Each is counted by
 * its name, and a change that met it can be made later.
 */
const PASSING = new Set([
  'OOM',
  'LOADING',
  'READONLY',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
  'BUSY',
  'MISCONF',
  'MASTERDOWN',
  'NOREPLICAS',
]);

/**
 * Sends a command and times it; whatever goes wrong becomes a counted `StoreError`.
 * @param breaker what guards the connection: asked before, and told how it went
 */
export async function ask<T>(
  redis: Redis,
  counters: Counters,
  timeoutMs: number,
  command: (redis: Redis) => Promise<T>,
  breaker?: Breaker,
): Promise<T> {
  const start = performance.now();
  try {
    if (redis.status !== 'ready') throw new StoreError('unavailable', 'not connected to Redis');
    if (breaker?.open) throw new StoreError('unavailable', 'Redis has given no answers lately');
    const answer = await withDeadline(command(redis), timeoutMs);
    counters.redisSeconds.observe((performance.now() - start) / 1000);
    breaker?.succeeded();
    return answer;
  } catch (cause) {
    const error = asStoreError(cause);
    if (error.reason === 'timeout') breaker?.failed();
    counters.countRedisError(error.kind);
    throw error;
  }
}

/** What went wrong with a command. */
export function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { name, message } = error as Error;
  if (name === 'ReplyError') {
    const word = namedIn(message);
    const passing = PASSING.has(word);
    const kind = passing ? word.toLowerCase() : 'rejected';
    return new StoreError('rejected', message, { cause: error, kind, passing });
  }
  // The connection broke while the command was out: it may have reached Redis.
  return new StoreError('timeout', message, { cause: error });
}

/** The word that Redis names an error with: the first one in capitals, whatever stands before it. */
function namedIn(message: string): string {
  // What a user may not do inside a script has no name of its own.
  if (message.includes("can't run this command or subcommand")) return 'NOPERM';
  return /\b([A-Z]{3,})\b/.exec(message)?.[1] ?? '';
}
