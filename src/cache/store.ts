import { ServiceError } from '../errors.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import type { Condition } from './condition.ts';
import type { Entry, Value } from './entry.ts';
import type { WriteIdentity } from './idempotency.ts';
import type { Match } from './match.ts';
import type { Origin } from './origin.ts';
import type { Version } from './version.ts';

export interface Write {
  readonly key: string;
  readonly value: Value;
  /** The stamp of the writer. The stored version may be a later one: see outcome 4 of `Store`. */
  readonly version: Version;
  readonly storedAt: number;
  /** When the value expires in both tiers, in whole ms since the epoch. */
  readonly expiresAt: number;
  readonly origin?: Origin | undefined;
  readonly condition?: Condition | undefined;
  /** Set where the client sent an idempotency key: see outcome 6 of `Store`. */
  readonly identity?: WriteIdentity | undefined;
  /** Whether this is the replay of a pending change. No caller waits for it, so it may take longer. */
  readonly late?: boolean;
  /** The span of the request or of the replay, if it is traced. */
  readonly span?: TraceSpan | undefined;
}

export interface Removal {
  readonly key: string;
  /** The stamp of the writer. */
  readonly version: Version;
  readonly condition?: Condition | undefined;
  /** As for a `Write`. */
  readonly identity?: WriteIdentity | undefined;
  /** As for a `Write`. */
  readonly late?: boolean;
  /** As for a `Write`. */
  readonly span?: TraceSpan | undefined;
}

/**
 * The status of a change that L2 did not accept and that is now pending. `accepted`: the change was not sent, or L2
 * refused it. `unknown`: L2 did not answer, and may have made the change.
 */
export type Postponed = 'accepted' | 'unknown';

/** The outcome of a change that was made, or is pending. */
interface Made<Status> {
  readonly status: Status;
  /** An earlier change with the same identity was made. This is its outcome, and nothing was changed now. */
  readonly repeated?: true;
}

/** The condition did not hold. */
export interface Refused {
  readonly status: 'refused';
  /** The version in L2, if the key has one. */
  readonly version: Version | undefined;
  /** The condition was not checked: another change with other contents had the same idempotency key. */
  readonly reused?: true;
}

export type WriteOutcome =
  | (Made<'created' | 'replaced' | Postponed> & { readonly version: Version })
  | Refused;

export type RemovalOutcome = Made<'deleted' | 'absent' | Postponed> | Refused;

export interface Listing {
  readonly keys: readonly { readonly key: string /** undefined: the key has no TTL */; ttlMs?: number }[];
  /** Pass it to the next call; undefined at the end. */
  readonly cursor: string | undefined;
}

/**
 * The contract of L2:
 *
 * 1. `read` returns the entry. It returns undefined where the key has no value, or an expired one. Bytes that are
 *    not a value also read as undefined, and are counted and logged.
 * 2. `write` and `remove` are atomic with their condition, take effect in the order of the calls, and are announced to
 *    other replicas. A change that Redis refuses does not affect other keys.
 * 3. L2 does not make a change that arrives after its time-out. So a change that was reported as timed out cannot
 *    replace a later one.
 * 4. Versions of a key only grow while it exists. Where the writer's stamp is not greater than the stored version, the
 *    store raises it, and the outcome has the version that was stored. A stamp ahead of L2's clock is lowered to it.
 * 5. Every call settles within the command time-out, a late change within its own longer one. Every failure is a
 *    `StoreError`.
 * 6. A change with an identity is made once within `REMEMBERED_MS`. L2 does not make it again: the outcome is that of the
 *    first change, `repeated`, whatever happened to the key since. Where L2 cannot record the change, or has lost the
 *    record, it is made again.
 *
 * All calls of one turn of the event loop share one round trip.
 */
export interface Store {
  /** @param span the span of the read, if it is traced */
  read(key: string, span?: TraceSpan): Promise<Entry | undefined>;
  write(write: Write): Promise<WriteOutcome>;
  remove(removal: Removal): Promise<RemovalOutcome>;
  /**
   * Deletes the matching keys whose versions are lower than `version`, a slice at a time. Values that are written later
   * stay. It announces the start and the end to every replica. Repeating the call is safe.
   * @param stopped asked before each slice; the deletion ends with a `StoreError` when it returns true
   * @returns the number of deleted keys
   */
  removeMatching(match: Match, version: Version, stopped?: () => boolean): Promise<number>;
  /** Lists about `limit` matching keys from `cursor` on. */
  list(match: Match, cursor: string | undefined, limit: number): Promise<Listing>;
}

/** Why a call of L2 failed. */
export class StoreError extends ServiceError {
  /**
   * `unavailable`: nothing was sent. `timeout`: the command was sent and not answered in time, so it may have taken
   * effect. `rejected`: Redis answered with an error.
   */
  readonly reason: 'unavailable' | 'timeout' | 'rejected';
  /** The label in the metrics: the reason, or the name of Redis's error in lower case. */
  readonly kind: string;
  /** Whether Redis may accept the same change later, so that it may become pending. */
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

/**
 * L2 made a change, or may have made it, but fewer replicas than required have acknowledged it: a failover may lose it.
 */
export class NotReplicated extends StoreError {
  /** The version that L2 stored; undefined for a deletion, and where L2 did not answer. */
  readonly version: Version | undefined;

  constructor(message: string, version: Version | undefined) {
    super('timeout', message, { kind: 'replicas' });
    this.version = version;
  }
}
