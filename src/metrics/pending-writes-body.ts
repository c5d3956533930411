import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';

/** What `/health` and `/stats` say of the changes that Redis has still to be told of. */
export interface PendingWritesBody {
  readonly entries: number;
  readonly bytes: number;
  /** How long the oldest has waited; null for none. */
  readonly oldest_age_ms: number | null;
}

/** Undefined where none are kept. */
export function pendingWritesBody(pendingWrites: PendingWrites | undefined): PendingWritesBody | undefined {
  if (pendingWrites === undefined) return undefined;
  const { size, bytes, oldestAgeMs } = pendingWrites;
  return { entries: size, bytes, oldest_age_ms: oldestAgeMs === undefined ? null : Math.round(oldestAgeMs) };
}
