import { ServiceError } from '../errors.ts';
import type { Condition } from './condition.ts';
import type { Entry, Value } from './entry.ts';
import type { Match } from './match.ts';
import type { Version } from './version.ts';

export interface Write {
  readonly key: string;
  readonly value: Value;
  /** The stamp of its writer. What is stored may carry a later one; see `Store.write`. */
  readonly version: Version;
  readonly storedAt: number;
  /** How long L2 is to keep it from now on. */
  readonly ttlMs: number;
  /** When the value is over: `storedAt` and `ttlMs`, unless the write comes later than it was asked for. */
  readonly expiresAt?: number;
  readonly condition?: Condition | undefined;
}

export interface Removal {
  readonly key: string;
  /** The stamp of who deletes; without it, the deletion is made whenever it comes. */
  readonly version?: Version | undefined;
  readonly condition?: Condition | undefined;
}

/**
 * What became of a change that L2 did not take: it is kept, and made there later. `accepted`: L2 has not seen
 * it. `unknown`: L2 gave no answer and may have made it already.
 */
export type Postponed = 'accepted' | 'unknown';

export type WriteOutcome =
  | { readonly status: 'created' | 'replaced' | Postponed; readonly version: Version }
  /** The condition did not hold; `version` is what is stored, if anything is. */
  | { readonly status: 'refused'; readonly version: Version | undefined };

export type RemovalOutcome =
  | { readonly status: 'deleted' | 'absent' | Postponed }
  | { readonly status: 'refused'; readonly version: Version | undefined };

export interface Listing {
  readonly keys: readonly { readonly key: string /** undefined: it has no deadline */; ttlMs?: number }[];
  /** Where to go on, or undefined at the end. */
  readonly cursor: string | undefined;
}

/**
 * L2, as the two-level cache needs it. Its outcomes:
 *
 * 1. `read` gives the entry, or undefined where there is none, where it is over, or where what is stored
 *    cannot be understood (which is counted and logged).
 * 2. `write` and `remove` are atomic with their condition, take effect in the order in which they were
 *    called, and announce themselves to other replicas.
 * 3. Versions of a key only grow: where the writer's stamp is not greater than the stored one (its clock is
 *    behind), the store raises it, and the outcome says to what. So the write that arrives last wins, as it
 *    would without versions, and readers never see a version go back. A change that comes seconds late, when
 *    its caller has long been told of a timeout, is not raised but dropped.
 * 4. Everything rejects with `StoreError`, and within the command timeout.
 *
 * Calls made in one turn of the event loop leave together, as one round trip.
 */
export interface Store {
  read(key: string): Promise<Entry | undefined>;
  /** The version of what is stored, without its value. */
  version(key: string): Promise<Version | undefined>;
  write(write: Write): Promise<WriteOutcome>;
  remove(removal: Removal): Promise<RemovalOutcome>;
  /**
   * Deletes every matching key, a slice at a time, says how many there were, and makes every replica forget
   * what matches, whether or not L2 had it.
   */
  removeMatching(match: Match): Promise<number>;
  /** Lists some matching keys from `cursor` on; about `limit` of them. */
  list(match: Match, cursor: string | undefined, limit: number): Promise<Listing>;
}

/** Why L2 did not do what it was asked. */
export class StoreError extends ServiceError {
  /**
   * `unavailable`: not connected, nothing was sent. `timeout`: sent, and no answer in time, so it may have
   * taken effect. `rejected`: Redis answered with an error.
   */
  readonly reason: 'unavailable' | 'timeout' | 'rejected';
  /** What the metrics count it as: the reason, or what Redis named. */
  readonly kind: string;
  /** Whether the same change may well be taken later, so that keeping it is worth while. */
  readonly passing: boolean;

  constructor(
    reason: StoreError['reason'],
    message: string,
    options: { readonly cause?: unknown; readonly kind?: string; readonly passing?: boolean } = {},
  ) {
    super(`l2_${reason}`, message, undefined, { cause: options.cause });
    this.name = 'StoreError';
    this.reason = reason;
    this.kind = options.kind ?? reason;
    this.passing = options.passing ?? reason !== 'rejected';
  }
}
