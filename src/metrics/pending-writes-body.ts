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

/** The pending writes of several processes. */
export function mergePendingWrites(bodies: readonly PendingWritesBody[]): PendingWritesBody {
  const ages = bodies.flatMap(({ oldest_age_ms: age }) => (age === null ? [] : [age]));
  return {
    entries: bodies.reduce((sum, { entries }) => sum + entries, 0),
    bytes: bodies.reduce((sum, { bytes }) => sum + bytes, 0),
    oldest_age_ms: ages.length === 0 ? null : Math.max(...ages),
  };
}
