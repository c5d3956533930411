import type { Match } from '../cache/match.ts';
import { StoreError } from '../cache/store.ts';
import type { Version } from '../cache/version.ts';
import type { Deletion } from './announcement.ts';

/** A server on which a deletion by match runs. */
export interface DeletionTarget {
  /** Announces the progress of the deletion to every replica. */
  announceMatch(match: Match, version: Version, deletion: Deletion): Promise<void>;
  /**
   * Deletes the matching keys whose versions are lower than `version`, a slice at a time.
   * @param beforeSlice called before each slice
   * @returns the number of deleted keys
   */
  removeOlder(match: Match, version: Version, beforeSlice: () => Promise<void>): Promise<number>;
}

/** A long deletion is announced again at this interval: other replicas hold pending writes back for 5 s. */
const ANNOUNCE_AGAIN_MS = 2000;

/**
 * Deletes the matching keys on all servers at the same time. It announces the start to every replica, and the end when
 * all servers have made the deletion. A server that fails does not stop the others.
 * @param stopped whether the deletion must stop; asked before each slice
 * @returns the number of deleted keys
 * @throws the first error, after every server has ended
 */
export async function removeMatching(
  targets: readonly DeletionTarget[],
  match: Match,
  version: Version,
  stopped?: () => boolean,
): Promise<number> {
  const begun: DeletionTarget[] = [];
  const passes = await Promise.allSettled(
    targets.map(async (target) => {
      await target.announceMatch(match, version, 'begun');
      begun.push(target);
      let announcedAt = performance.now();
      return target.removeOlder(match, version, async () => {
        if (stopped?.()) throw new StoreError('rejected', 'the deletion was stopped');
        if (performance.now() - announcedAt <= ANNOUNCE_AGAIN_MS) return;
        await target.announceMatch(match, version, 'begun');
        announcedAt = performance.now();
      });
    }),
  );
  const announce = (deletion: Deletion) =>
    Promise.all(begun.map((target) => target.announceMatch(match, version, deletion)));
  const failed = passes.find(({ status }) => status === 'rejected');
  if (failed !== undefined) {
    // If this message is lost too, other replicas stop waiting after five seconds.
    announce('failed').catch(() => {});
    throw (failed as PromiseRejectedResult).reason;
  }
  await announce('done');
  return passes.reduce((sum, pass) => sum + (pass as PromiseFulfilledResult<number>).value, 0);
}
