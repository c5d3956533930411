import { ServiceError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { type Condition, holds } from '../condition.ts';
import type { Entry } from '../entry.ts';
import { NotReplicated, type Postponed, type Store, StoreError } from '../store.ts';
import { isForeign, isOfSameWriter, type Version } from '../version.ts';
import type { Pending, PendingMatch, PendingWrites } from './pending-writes.ts';
import { Replay, type ReplayActions } from './replay.ts';

/** How often pending writes are replayed, in addition to each time that Redis becomes reachable. */
const RETRY_MS = 1000;

/** The outcome for a change that L2 did not accept. */
export interface KeepOutcome {
  readonly status: Postponed;
  /** False where a newer change of the key is in Redis or pending. This change is then obsolete, and is not pending. */
  readonly kept: boolean;
}

/** The parts of the cache that pending writes need. */
export interface PostponerParts {
  readonly pendingWrites: PendingWrites;
  readonly store: Store;
  readonly clock: Clock;
}

/**
 * Makes changes pending that L2 did not accept, answers for their keys meanwhile, and replays them when L2 is reachable
 * again. A key is not read from L2 before its pending change is made. A pending change yields as soon as a newer change
 * of its key is known.
 */
export class Postponer {
  readonly pendingWrites: PendingWrites;
  readonly #clock: Clock;
  readonly #replay: Replay;
  readonly #onShareFull: () => void;
  #retrying = false;

  /** @param onShareFull called for each change that is refused because its client has used its share */
  constructor(
    { pendingWrites, store, clock }: PostponerParts,
    actions: ReplayActions,
    onShareFull: () => void,
  ) {
    this.pendingWrites = pendingWrites;
    this.#onShareFull = onShareFull;
    this.#clock = clock;
    this.#replay = new Replay(pendingWrites, store, clock, actions);
  }

  /**
   * Makes a failed change pending. A change with a condition cannot become pending, because the condition cannot be
   * checked now. The exception is a write that is refused where the present value is newer: the replay checks that.
   * @param made the newest change of the key that Redis is known to have made
   * @returns undefined where the change cannot become pending
   * @throws ServiceError `pending_writes_full`
   */
  keep(
    pending: Pending,
    error: unknown,
    condition: Condition | undefined,
    made: Version,
  ): KeepOutcome | undefined {
    if (!(error instanceof StoreError && error.passing)) return undefined;
    const checked = condition === undefined || pending.unlessNewer !== undefined;
    if (!checked) return undefined;
    const status = error.reason === 'timeout' ? 'unknown' : 'accepted';
    const unreplicated = error instanceof NotReplicated;
    if (made > pending.version || (made === pending.version && !unreplicated)) return { status, kept: false };
    const outcome = this.pendingWrites.put(unreplicated ? { ...pending, unreplicated } : pending);
    if (outcome === 'full') return full(error, 'the limit of pending writes is reached');
    if (outcome === 'share-full') {
      this.#onShareFull();
      return full(error, 'the share of this client in the pending writes is used up');
    }
    this.#retryLater();
    return { status, kept: outcome === 'kept' };
  }

  /** As `keep`, for a deletion by match. Returns false where it cannot become pending. */
  keepMatch(pending: PendingMatch, error: unknown): boolean {
    if (!(error instanceof StoreError && error.passing)) return false;
    if (!this.pendingWrites.putMatch(pending)) {
      full(error, 'the limit of pending writes is reached');
      return false;
    }
    this.#retryLater();
    return true;
  }

  /**
   * L2 has lost its data. Makes entries pending, so that they are written back, until the limit is reached. A value of
   * another program in L2 is probably from after the loss, so it stays.
   */
  keepAll(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      const { key, version } = entry;
      if (this.pendingWrites.get(key) === undefined)
        this.pendingWrites.put({ key, version, entry, contested: true });
    }
    this.#retryLater();
  }

  /**
   * Returns what this process answers for a key with a pending change: its entry, or no entry for a deletion or an
   * expired value. Returns undefined where no change of the key is pending.
   */
  answerFor(key: string): { readonly entry: Entry | undefined } | undefined {
    if (this.pendingWrites.size === 0) return undefined;
    const pending = this.pendingWrites.get(key);
    if (pending === undefined) return undefined;
    const { entry } = pending;
    return { entry: entry !== undefined && entry.expiresAt > this.#clock.now ? entry : undefined };
  }

  /** Returns whether a pending deletion by match covers this value of L2. */
  overrules(key: string, stored: Entry): boolean {
    if (this.pendingWrites.size === 0) return false;
    const deleted = this.pendingWrites.deletedAsOf(key);
    return deleted !== undefined && stored.version < deleted;
  }

  /**
   * The link reports a change of the key. A pending change yields to a newer change, and its own echo settles it.
   *
   * 1. A change of another program has no version, so the pending change is only marked: its replay yields if a value
   *    exists then.
   * 2. Where too few replicas have the pending change, its echo does not settle it. L2 may have raised its version, so
   *    a greater version of this process counts as its echo. The replay must have the raised version, because L2 would
   *    refuse the lower one as superseded.
   * @param version undefined where no replica announced the change
   * @returns the pending change that yielded or was settled, if any
   */
  keyChanged(key: string, version: Version | undefined): Pending | undefined {
    const pending = this.pendingWrites.size === 0 ? undefined : this.pendingWrites.get(key);
    if (pending === undefined) return undefined;
    if (version === undefined || isForeign(version)) {
      pending.contested = true;
      return undefined;
    }
    if (version < pending.version) return undefined;
    if (pending.unreplicated && isOfSameWriter(version, pending.version)) {
      this.pendingWrites.raise(pending, version);
      return undefined;
    }
    this.pendingWrites.done(pending);
    return pending;
  }

  /** L2 has made a deletion by match with this version. Returns the pending changes that yielded. */
  matchChanged(matches: (key: string) => boolean, version: Version): Pending[] {
    this.pendingWrites.release(version);
    const yielding = [...this.pendingWrites.pending()].filter(
      (pending) => matches(pending.key) && pending.version < version,
    );
    for (const pending of yielding) this.pendingWrites.done(pending);
    return yielding;
  }

  /**
   * Refuses a condition on a key with a pending change: L2 would check it without that change.
   * @throws StoreError while a change of the key is pending
   */
  checkCondition(key: string, condition: Condition | undefined): void {
    if (condition === undefined || this.pendingWrites.size === 0) return;
    if (this.pendingWrites.get(key) === undefined && this.pendingWrites.deletedAsOf(key) === undefined)
      return;
    throw new StoreError(
      'unavailable',
      'the condition cannot be checked while a change of the key is pending',
    );
  }

  /**
   * As `checkCondition`, for a write. A pending value answers whether it is newer, so that condition can be checked.
   * @returns the version of a pending value that refuses the write
   * @throws StoreError as `checkCondition`
   */
  checkWrite(key: string, condition: Condition | undefined): Version | undefined {
    const pending = condition?.is === 'unless-newer' ? this.pendingWrites.get(key) : undefined;
    if (pending?.entry === undefined) {
      this.checkCondition(key, condition);
      return undefined;
    }
    return holds(condition, pending.entry) ? undefined : pending.entry.version;
  }

  /**
   * A deletion leaves for L2. A pending change of the key becomes this deletion, because a replay that begins before
   * the answer arrives would restore the value.
   * @returns a function that restores the pending change, for a deletion that fails
   */
  deleting(key: string, version: Version): (() => void) | undefined {
    const earlier = this.pendingWrites.get(key);
    if (earlier === undefined) return undefined;
    // It takes the place of the earlier change, so it counts for the client of that change.
    const deletion = { key, version, entry: undefined, client: earlier.client };
    if (this.pendingWrites.put(deletion) !== 'kept') return undefined;
    return () => this.pendingWrites.restore(deletion, earlier);
  }

  /** As `deleting`, for all matching keys with an older pending change. */
  deletingWhere(matches: (key: string) => boolean, version: Version): () => void {
    const pending = [...this.pendingWrites.pending()].filter(({ key }) => matches(key));
    const undo = pending.map(({ key }) => this.deleting(key, version));
    return () => {
      for (const restore of undo) restore?.();
    };
  }

  /**
   * L2 has made a change of the key. A pending change that is not newer is obsolete, and is removed.
   * @param stored the version that L2 raised the change to
   * @returns whether no newer change is pending
   */
  settled(key: string, version: Version, stored = version): boolean {
    if (this.pendingWrites.size === 0) return true;
    const pending = this.pendingWrites.get(key);
    if (pending === undefined) return true;
    // A pending change that too few replicas have may have taken over the raised version of this change.
    if (pending.version > (pending.unreplicated ? stored : version)) return false;
    this.pendingWrites.done(pending);
    return true;
  }

  /** Replays the pending writes, because L2 may be reachable again. */
  replay(): Promise<void> {
    return this.pendingWrites.size === 0 ? Promise.resolve() : this.#replay.run();
  }

  #retryLater(): void {
    if (this.#retrying) return;
    this.#retrying = true;
    setTimeout(() => {
      this.#retrying = false;
      void this.replay();
      if (this.pendingWrites.size > 0) this.#retryLater();
    }, RETRY_MS).unref();
  }
}

function full(error: StoreError, why: string): undefined {
  // The caller of a change that timed out receives `write_unknown`: that the outcome is unknown matters more.
  if (error.reason === 'timeout') return undefined;
  throw new ServiceError('pending_writes_full', `${error.message}; ${why}`);
}

/**
 * Makes a failed deletion by match pending.
 * @throws the error, or `pending_writes_full`, after `undo`, where it cannot be kept
 */
export function keepMatchOrUndo(
  postponer: Postponer | undefined,
  pending: PendingMatch,
  error: unknown,
  undo: (() => void) | undefined,
): void {
  try {
    if (!postponer?.keepMatch(pending, error)) throw error;
  } catch (failure) {
    undo?.();
    throw failure;
  }
}
