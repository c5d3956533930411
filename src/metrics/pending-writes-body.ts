import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';

/** The member `pending_writes` of `/health` and `/stats`. */
export interface PendingWritesBody {
  readonly entries: number;
  readonly bytes: number;
  /** Age of the oldest pending write; null without pending writes. */
  readonly oldest_age_ms: number | null;
}

/** Returns undefined if pending writes are disabled. */
export function pendingWritesBody(pendingWrites: PendingWrites | undefined): PendingWritesBody | undefined {
  if (pendingWrites === undefined) return undefined;
  const { size, bytes, oldestAgeMs } = pendingWrites;
  return { entries: size, bytes, oldest_age_ms: oldestAgeMs === undefined ? null : Math.round(oldestAgeMs) };
}

/**
 * The pending writes of several processes. After SIGHUP, a process may have them while another one has not.
 * @returns undefined if no process has them
 */
export function mergePendingWrites(
  processes: readonly { readonly pending_writes?: PendingWritesBody | undefined }[],
): PendingWritesBody | undefined {
  const bodies = processes.flatMap(({ pending_writes: body }) => body ?? []);
  if (bodies.length === 0) return undefined;
  const ages = bodies.flatMap(({ oldest_age_ms: age }) => (age === null ? [] : [age]));
  return {
    entries: bodies.reduce((sum, { entries }) => sum + entries, 0),
    bytes: bodies.reduce((sum, { bytes }) => sum + bytes, 0),
    oldest_age_ms: ages.length === 0 ? null : Math.max(...ages),
  };
}
