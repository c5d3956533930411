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
  /** When the value expires, in whole ms since the epoch. It expires in L2 at the same time. */
  readonly expiresAt: number;
  readonly condition?: Condition | undefined;
  /** A pending change that is made late: its caller was answered long ago, so it has more time. */
  readonly late?: boolean;
}

export interface Removal {
  readonly key: string;
  /** The stamp of the writer. */
  readonly version: Version;
  readonly condition?: Condition | undefined;
  /** As for a `Write`. */
  readonly late?: boolean;
}

/**
 * A change that L2 did not take, and that is kept to be made there later. `accepted`: it was not sent to L2.
 * `unknown`: L2 did not answer and may have made it already.
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
 * 1. `read` returns the entry, or undefined where the key has no value, where the value has expired, or where the
 *    stored bytes are not a value (which is counted and logged).
 * 2. `write` and `remove` are atomic with their condition, take effect in the order in which they were
 *    called, and announce themselves to other replicas. What Redis refuses of one key holds up no other key.
 * 3. A change takes effect only while its caller may still be waiting for it: L2 does not make one that arrives
 *    after its time-out. So a change that was reported as timed out cannot replace a later one.
 * 4. Versions of a key only grow while it exists: where the writer's stamp is not greater than the stored one, the
 *    store raises it, and the outcome names the version that was stored. A stamp ahead of L2's clock is cut to it.
 * 5. Everything rejects with `StoreError`, and within the command time-out; a late change within its own.
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
   * Announces to every replica what is being deleted; deletes the matching keys whose versions are less than this one,
   * a slice at a time; and announces that it is done. Values written later stay. Safe to be repeated.
   * @returns how many keys it deleted
   */
  removeMatching(match: Match, version: Version): Promise<number>;
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
