import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';

/** The member `pending_writes` of `/health` and `/stats`. */
export interface PendingWritesBody {
  readonly entries: number;
  readonly bytes: number;
  /** Age of the oldest pending write; null if there is none. */
  readonly oldest_age_ms: number | null;
}

/** Returns undefined if pending writes are disabled. */
export function pendingWritesBody(pendingWrites: PendingWrites | undefined): PendingWritesBody | undefined {
  if (pendingWrites === undefined) return undefined;
  const { size, bytes, oldestAgeMs } = pendingWrites;
  return { entries: size, bytes, oldest_age_ms: oldestAgeMs === undefined ? null : Math.round(oldestAgeMs) };
}
