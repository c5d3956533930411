import type { Entry } from './entry.ts';
import type { Match } from './match.ts';
import type { Kind } from './quality/records.ts';
import type { Selection } from './quality/selection.ts';
import type { Version } from './version.ts';

/** Why a key changed. */
export type Reason =
  /** A replica of this service wrote it. */
  | 'set'
  /** A replica of this service deleted it. */
  | 'delete'
  /** It expired. */
  | 'expire'
  /** L1 of a standalone service evicted it. */
  | 'evict'
  /** All keys were deleted. */
  | 'flush'
  /** An input of it changed. */
  | 'input'
  /** A source died or is alive again, or a mark was set or has ended. The value has not changed. */
  | 'quality'
  /** Another program changed it, Redis evicted it, or the cause is unknown. */
  | 'remote';

/**
 * What a reader may rely on:
 * - `coherent`: this process is notified of every change in L2 at once, so L1 is trusted;
 * - `degraded`: L2 answers, but notifications may be lost: L1 is not trusted, reads go to L2;
 * - `blind`: L2 is unreachable or too slow: L1 serves its entries until they expire, and marks them;
 * - `off`: no link exists (standalone, or ENABLE_PUBSUB=false): L1 entries are served until their deadlines.
 */
export type CoherenceState = 'coherent' | 'degraded' | 'blind' | 'off';

/** A state that answers must name. */
export type LesserState = 'degraded' | 'blind';

/** Returns the state if answers must name it, else undefined. */
export function lesserState(state: CoherenceState): LesserState | undefined {
  return state === 'degraded' || state === 'blind' ? state : undefined;
}

/** Whether L1 may be served without asking L2. */
export function isTrusted(state: CoherenceState): boolean {
  return lesserState(state) === undefined;
}

/** What a replica announced about its own change, before the link reports the change itself. */
export interface Announced {
  readonly reason: Reason;
  readonly version?: Version | undefined;
}

/** A change of a key, as the link reports it. */
export interface KeyChange {
  readonly key: string;
  readonly announced: Announced | undefined;
}

/**
 * Receives the changes of L2 from the link, in the order in which L2 made them:
 *
 * 1. `keyChanged`: the key was written or deleted, has expired or was evicted. Own writes are reported too. `keysChanged`
 *    is the same for several keys whose order is not known: Redis reports the changes of one turn together, by name.
 * 2. `matchDeleting`: a replica starts to delete all matching keys that are older than `version`.
 * 3. `matchChanged`: drop all matching keys, whether or not L2 had any. With a version, a replica has deleted the keys
 *    that are older than it; newer ones stay.
 * 4. `matchFailed`: the deletion that began with `version` failed, perhaps after it deleted some keys.
 * 5. `allChanged`: any key may have changed. L2 was flushed, databases were swapped, or the link was lost and is armed
 *    again. All changes after this call are reported.
 * 6. `stateChanged`: called once for each change of state. When the state becomes `coherent`, all earlier changes have
 *    been reported.
 * 7. `qualityChanged`: the sources in L2 may have changed, or the marks.
 */
export interface BusListener {
  keyChanged(key: string, announced: Announced | undefined): void;
  keysChanged(changes: readonly KeyChange[]): void;
  matchDeleting(match: Match, version: Version): void;
  matchFailed(version: Version): void;
  matchChanged(match: Match, reason: Reason, version?: Version): void;
  /** @param keysLeft the number of keys in L2, passed only where L2 is another process than before */
  allChanged(reason: 'flush' | 'rearmed', keysLeft?: number): void;
  stateChanged(state: CoherenceState): void;
  qualityChanged?(kind: Kind): void;
}

/**
 * Receives the changes that clients are to be notified of. Each call comes after L1 has applied the change:
 *
 * 1. `stored`: this process wrote the key; `entry` is the new value.
 * 2. `removed`: this process deleted the key, or L1 lost it in a process without L2.
 * 3. `changed`: the key changed in another way, and the listener must read its new value. One change may be reported
 *    more than once. `before` is the entry that L1 had until now.
 * 4. `matchRemoved`: all matching keys were dropped; newer ones may still exist.
 * 5. `inputChanged`: values that depend on the input may be outdated. It comes before `stored`, `removed` or `changed` of
 *    the input itself.
 * 6. `reset`: clients must drop all their entries. `degraded`, `blind`: coherence is lost, so changes may be missed.
 *    `rearmed`: coherence is restored, or L2's data was replaced; entries that clients read from now on are kept
 *    coherent. `flush`: in a process without L2, L1 was emptied.
 * 7. `qualityChanged`: the quality of the keys of a selection may have changed. Their values have not.
 */
export interface ChangeListener {
  /** @param isPending whether L2 does not have the value yet */
  stored(key: string, entry: Entry, isPending?: boolean): void;
  removed(key: string, reason: Reason): void;
  changed(key: string, announced: Announced | undefined, before: Entry | undefined): void;
  matchRemoved(match: Match, reason: Reason): void;
  /** @param input undefined for all inputs */
  inputChanged(input: string | undefined): void;
  reset(reason: 'flush' | 'rearmed' | 'degraded' | 'blind'): void;
  qualityChanged(selection: Selection): void;
}
