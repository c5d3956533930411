import type { Redis } from 'ioredis';
import { StoreError } from '../cache/store.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Breaker } from './breaker.ts';
import { withDeadline } from './deadline.ts';
import { isRedirect, refusal } from './refusal.ts';
import { Arrivals } from './reply-progress.ts';

/** The time-out of commands on the admin connection, in milliseconds: they may wait behind slices of scans. */
export const ADMIN_TIMEOUT_MS = 2000;

/** The longest that a command waits while a large reply arrives on its connection, in milliseconds. */
const LONGEST_WAIT_MS = 2000;

/** A circuit breaker as a command uses it: `open` is read before the command, the others report its outcome. */
export type Guard = Pick<Breaker, 'open' | 'succeeded' | 'failed'>;

/**
 * Sends a command and records its duration. Every failure becomes a counted `StoreError`. A time-out behind a large
 * reply does not count as a failure for the breaker.
 * @param longestMs the longest wait while a large reply arrives
 */
export async function sendCommand<T>(
  redis: Redis,
  counters: Counters,
  timeoutMs: number,
  command: (redis: Redis) => Promise<T>,
  breaker?: Guard,
  longestMs: number = LONGEST_WAIT_MS,
): Promise<T> {
  const start = performance.now();
  const arrivals = new Arrivals(redis);
  try {
    if (redis.status !== 'ready') throw new StoreError('unavailable', 'not connected to Redis');
    if (breaker?.open)
      throw new StoreError('unavailable', 'circuit breaker open: Redis is not used until a probe succeeds');
    const answer = await withDeadline(command(redis), timeoutMs, arrivals, longestMs);
    counters.redisSeconds.observe((performance.now() - start) / 1000);
    breaker?.succeeded();
    return answer;
  } catch (cause) {
    const error = asStoreError(cause);
    if (error.reason === 'timeout' && !arrivals.large) breaker?.failed();
    // A redirect is the normal answer while slots move.
    if (!isRedirect(error as Error)) counters.countRedisError(error.kind);
    throw error;
  }
}

function asStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { name, message } = error as Error;
  if (name === 'ReplyError') return refusal(message, error);
  // The connection was lost while the command was in flight, so the command may have reached Redis.
  return new StoreError('timeout', message, { cause: error });
}
