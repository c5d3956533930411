import { setTimeout as pause } from 'node:timers/promises';
import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';
import type { Logger } from '../log.ts';
import type { Core } from './compose.ts';

/** How long a process that stops tries to write what is pending, in ms. */
const FLUSH_MS = 2000;
const RETRY_MS = 50;

/**
 * Writes what is pending to Redis before the process ends. While Redis is unreachable the connections are retried at
 * once and often; what Redis did not accept after two seconds is lost, and the log says how much that is.
 */
export async function flushPending({ cache, redis }: Core, log: Logger): Promise<void> {
  const { pendingWrites } = cache;
  if (pendingWrites === undefined || pendingWrites.size === 0) return;
  log.info(pending(pendingWrites), 'writes are pending; trying Redis for 2 seconds');
  redis?.hurry();
  const over = new AbortController();
  const timeUp = pause(FLUSH_MS, undefined, { ref: false }).then(() => over.abort());
  while (pendingWrites.size > 0 && !over.signal.aborted) {
    await Promise.race([cache.replay(), timeUp]);
    if (pendingWrites.size > 0) await Promise.race([pause(RETRY_MS), timeUp]);
  }
  if (pendingWrites.size === 0) log.info('all pending writes reached Redis');
  else log.error(pending(pendingWrites), 'pending writes are lost: Redis did not accept them in time');
}

/** For the log: how much is pending. */
export function pending({ size, bytes }: PendingWrites): { changes: number; bytes: number } {
  return { changes: size, bytes };
}
