import { setTimeout as pause } from 'node:timers/promises';
import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';
import type { Logger } from '../log.ts';
import type { Core } from './compose.ts';

/** How long a stopping process retries its pending writes, in ms. */
const FLUSH_MS = 2000;
const RETRY_MS = 50;

/**
 * Applies the pending writes in Redis before the process ends. While Redis is unreachable, it reconnects at short
 * intervals. Writes that Redis has not accepted after two seconds are lost, and their number is logged.
 */
export async function flushPending({ cache, redis }: Core, log: Logger): Promise<void> {
  const { pendingWrites } = cache;
  if (pendingWrites === undefined || pendingWrites.size === 0) return;
  log.info(pending(pendingWrites), 'writes are pending; trying Redis for 2 seconds');
  redis?.hurry();
  const timeout = new AbortController();
  const timeUp = pause(FLUSH_MS, undefined, { ref: false }).then(() => timeout.abort());
  while (pendingWrites.size > 0 && !timeout.signal.aborted) {
    await Promise.race([cache.replay(), timeUp]);
    if (pendingWrites.size > 0) await Promise.race([pause(RETRY_MS), timeUp]);
  }
  if (pendingWrites.size === 0) log.info('all pending writes reached Redis');
  else log.error(pending(pendingWrites), 'pending writes are lost: Redis did not accept them in time');
}

/** Log fields: the number and the bytes of the pending writes. */
export function pending({ size, bytes }: PendingWrites): { changes: number; bytes: number } {
  return { changes: size, bytes };
}
