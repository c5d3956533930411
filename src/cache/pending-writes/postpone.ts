import { ServiceError } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { Condition } from '../condition.ts';
import type { Entry } from '../entry.ts';
import { type Postponed, type Store, StoreError } from '../store.ts';
import { isForeign, type Version } from '../version.ts';
import type { Pending, PendingMatch, PendingWrites } from './pending-writes.ts';
import { Replay, type ReplayActions } from './replay.ts';

/** How often pending writes are replayed, in addition to each time that Redis becomes reachable. */
const RETRY_MS = 1000;

/** How a change that L2 did not take was dealt with. */
export interface Keeping {
  readonly status: Postponed;
  /** False where Redis, or another pending write, holds a newer change of the key: then nothing is to be made later. */
  readonly kept: boolean;
}

/**
 * Keeps changes that L2 did not take, answers for their keys meanwhile, and makes them in L2 when it is reachable
 * again: before their keys are read from L2 again. A change yields as soon as a newer change of its key is known.
 */
export class Postponer {
  readonly pendingWrites: PendingWrites;
  readonly #clock: Clock;
  readonly #replay: Replay;
  #retrying = false;

  constructor(pendingWrites: PendingWrites, store: Store, clock: Clock, actions: ReplayActions) {
    this.pendingWrites = pendingWrites;
    this.#clock = clock;
    this.#replay = new Replay(pendingWrites, store, clock, actions);
  }

  /**
   * Keeps a change that failed, if it may be made later: one with a condition may not, since nobody can know
   * now whether the condition holds.
   * @param made the newest change of the key that Redis is known to have made
   * @returns undefined where the failure stands
   * @throws ServiceError `pending_writes_full`
   */
  keep(
    pending: Pending,
    error: unknown,
    condition: Condition | undefined,
    made: Version,
  ): Keeping | undefined {
    if (!(error instanceof StoreError && error.passing) || condition !== undefined) return undefined;
    const status = error.reason === 'timeout' ? 'unknown' : 'accepted';
    if (made >= pending.version) return { status, kept: false };
    const outcome = this.pendingWrites.put(pending);
    if (outcome === 'full') return full(error);
    this.#retryLater();
    return { status, kept: outcome === 'kept' };
  }

  /** As `keep`, for a deletion of all that matches. */
  keepMatch(pending: PendingMatch, error: unknown): boolean {
    if (!(error instanceof StoreError && error.passing)) return false;
    if (!this.pendingWrites.putMatch(pending)) {
      full(error);
      return false;
    }
    this.#retryLater();
    return true;
  }

  /** Keeps entries to be written back, as far as there is room. */
  keepAll(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      const { key, version } = entry;
      if (this.pendingWrites.get(key) === undefined) this.pendingWrites.put({ key, version, entry });
    }
    this.#retryLater();
  }

  /** What this process answers for the key whatever L2 holds, if anything: an entry, or that it has no value. */
  truth(key: string): { readonly entry: Entry | undefined } | undefined {
    if (this.pendingWrites.size === 0) return undefined;
    const pending = this.pendingWrites.get(key);
    if (pending === undefined) return undefined;
    const { entry } = pending;
    return { entry: entry !== undefined && entry.expiresAt > this.#clock.now ? entry : undefined };
  }

  /** Whether what L2 holds was deleted, together with others, and L2 has not made the deletion yet. */
  overrules(key: string, stored: Entry): boolean {
    if (this.pendingWrites.size === 0) return false;
    const deleted = this.pendingWrites.deletedAsOf(key);
    return deleted !== undefined && stored.version < deleted;
  }

  /**
   * The link reports a change of the key. A pending change yields to a newer one, and is settled by its own echo. To
   * a change of another program, which has no version, it yields when it is replayed, if a value is there by then.
   * @param version undefined where no replica announced the change
   * @returns the pending change that yielded, if one did
   */
  heard(key: string, version: Version | undefined): Pending | undefined {
    const pending = this.pendingWrites.size === 0 ? undefined : this.pendingWrites.get(key);
    if (pending === undefined) return undefined;
    if (version === undefined || isForeign(version)) {
      pending.contested = true;
      return undefined;
    }
    if (version < pending.version) return undefined;
    this.pendingWrites.done(pending);
    return pending;
  }

  /** A deletion of all that matches, as of this version, was made in L2. Returns the pending changes that yielded. */
  heardMatch(matches: (key: string) => boolean, version: Version): Pending[] {
    this.pendingWrites.release(version);
    const yielding = [...this.pendingWrites.pending()].filter(
      (pending) => matches(pending.key) && pending.version < version,
    );
    for (const pending of yielding) this.pendingWrites.done(pending);
    return yielding;
  }

  /**
   * L2 would decide about the condition without a change of the key that it does not know yet.
   * @throws StoreError while such a change is pending
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
   * A deletion leaves for L2. A pending change of the key becomes that deletion: a replay that begins before the
   * answer arrives would bring the value back.
   * @returns what puts the pending change back, for a deletion that did not come about
   */
  deleting(key: string, version: Version): (() => void) | undefined {
    const earlier = this.pendingWrites.get(key);
    if (earlier === undefined) return undefined;
    const deletion = { key, version, entry: undefined };
    if (this.pendingWrites.put(deletion) !== 'kept') return undefined;
    return () => this.pendingWrites.restore(deletion, earlier);
  }

  /** As `deleting`, for all that matches and is older. */
  deletingWhere(matches: (key: string) => boolean, version: Version): () => void {
    const pending = [...this.pendingWrites.pending()].filter(({ key }) => matches(key));
    const undo = pending.map(({ key }) => this.deleting(key, version));
    return () => {
      for (const restore of undo) restore?.();
    };
  }

  /**
   * A change of the key was made in L2: an older pending change is superfluous.
   * @returns whether nothing newer is pending
   */
  settled(key: string, version: Version): boolean {
    if (this.pendingWrites.size === 0) return true;
    const pending = this.pendingWrites.get(key);
    if (pending === undefined) return true;
    if (pending.version > version) return false;
    this.pendingWrites.done(pending);
    return true;
  }

  /** L2 may be reachable again: makes there what is pending. */
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

function full(error: StoreError): undefined {
  // Of one that timed out it is worse news that nobody knows what became of it.
  if (error.reason === 'timeout') return undefined;
  throw new ServiceError('pending_writes_full', `${error.message}; the limit of pending writes is reached`);
}
