import { type Match, matcher } from './match.ts';
import { keepMatchOrUndo, type Postponer } from './pending-writes/postpone.ts';
import type { Store } from './store.ts';
import type { Version } from './version.ts';

export interface InvalidationDeps {
  readonly store: Store;
  readonly postponer: Postponer | undefined;
  /** Drops the matching entries of L1 that are older than the deletion. @param made whether L2 has made it */
  readonly forget: (matches: (key: string) => boolean, made: boolean) => number;
}

/** Deletes all matching keys from L2 and from L1, as of the version. See `TwoLevel.invalidate`. */
export async function deleteMatching(
  { store, postponer, forget }: InvalidationDeps,
  match: Match,
  version: Version,
  stopped: (() => boolean) | undefined,
): Promise<number | undefined> {
  const matches = matcher(match);
  forget(matches, false);
  const undo = postponer?.deletingWhere(matches, version);
  let made = false;
  try {
    const removed = await store.removeMatching(match, version, stopped);
    made = true;
    return removed;
  } catch (error) {
    keepMatchOrUndo(postponer, { match, version }, error, undo);
    return undefined;
  } finally {
    // Once more, because reads that began meanwhile may have returned values that were not deleted yet.
    forget(matches, made);
  }
}
