import type { Journal } from '../cache/pending-writes/pending-writes.ts';

/** What `/health` and `/stats` say of the changes that Redis has still to be told of. */
export interface JournalBody {
  readonly entries: number;
  readonly bytes: number;
  /** How long the oldest has waited; null for none. */
  readonly oldest_age_ms: number | null;
}

/** Undefined where none are kept. */
export function journalBody(journal: Journal | undefined): JournalBody | undefined {
  if (journal === undefined) return undefined;
  const { size, bytes, oldestAgeMs } = journal;
  return { entries: size, bytes, oldest_age_ms: oldestAgeMs === undefined ? null : Math.round(oldestAgeMs) };
}
