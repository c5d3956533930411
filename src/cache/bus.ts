import type { Entry } from './entry.ts';
import type { Match } from './match.ts';
import type { Version } from './version.ts';

/** Why a value is no longer what it was. */
export type Reason =
  /** Written by a replica of this service. */
  | 'set'
  /** Deleted by one. */
  | 'delete'
  /** Its time was over. */
  | 'expire'
  /** Redis gave it up for want of room. */
  | 'evict'
  /** All keys were deleted. */
  | 'flush'
  /** Changed by another program, or for a reason that cannot be known. */
  | 'remote';

/**
 * What a reader may rely on:
 * - `coherent`: whatever happens to a key in L2, this process hears of it at once, so L1 is trusted;
 * - `degraded`: L2 answers, but what happens there may go unheard: L1 is not trusted, reads go to L2;
 * - `blind`: L2 is unreachable or too slow: L1 serves its entries until they expire, and marks them;
 * - `off`: nothing is to be heard (standalone, or ENABLE_PUBSUB=false): L1 goes by its deadlines alone.
 */
export type CoherenceState = 'coherent' | 'degraded' | 'blind' | 'off';

/** The state if it is less than a reader expects, and so has to be told. */
export function lesserState(state: CoherenceState): 'degraded' | 'blind' | undefined {
  return state === 'degraded' || state === 'blind' ? state : undefined;
}

/** What a replica announced about its own change, before the link reports the change itself. */
export interface Announced {
  readonly reason: Reason;
  readonly version?: Version | undefined;
}

/**
 * What the bus tells, in the order in which it happened in L2:
 *
 * 1. `keyChanged`: the key was written, deleted, has expired or was evicted, by whomever; our own writes too.
 * 2. `matchChanged`: all matching keys are to be dropped, whether or not L2 had any. With a version, a replica has deleted
 *    them from L2, as of that version; `matchDeleting`: it begins to; `matchFailed`: it could not, or only in part.
 * 3. `allChanged`: everything, or nobody knows what: L2 was flushed, databases were swapped, or the link was lost and
 *    is armed again. From the moment this is called, all later changes are reported again.
 * 4. `stateChanged`: called with every change of state, and not otherwise. After `coherent`, all earlier changes have
 *    been reported.
 */
export interface BusListener {
  keyChanged(key: string, announced: Announced | undefined): void;
  matchDeleting(match: Match, version: Version): void;
  matchFailed(version: Version): void;
  matchChanged(match: Match, reason: Reason, version?: Version): void;
  /** @param keysLeft how many keys L2 holds, where it is another process than before */
  allChanged(reason: 'flush' | 'rearmed', keysLeft?: number): void;
  stateChanged(state: CoherenceState): void;
}

/**
 * What is told to those who pass changes on to clients. Everything is told after L1 has followed it:
 *
 * 1. `stored`: this process wrote the key; the entry is what it wrote.
 * 2. `removed`: this process deleted it.
 * 3. `changed`: something else happened to it, and what L2 holds now has to be asked. The same change may be
 *    told more than once. `held` is what L1 held until now.
 * 4. `matchRemoved`: see `matchChanged`.
 * 5. `reset`: clients must drop all their entries. `degraded`, `blind`: coherence is lost, changes may go unheard.
 *    `rearmed`: coherence is restored, or L2's data was replaced; what clients ask for from then on they can keep.
 *    `flush`: there is no L2, and L1 was emptied.
 */
export interface ChangeListener {
  stored(key: string, entry: Entry): void;
  removed(key: string, reason: Reason): void;
  changed(key: string, announced: Announced | undefined, held: Entry | undefined): void;
  matchRemoved(match: Match, reason: Reason): void;
  reset(reason: 'flush' | 'rearmed' | 'degraded' | 'blind'): void;
}
