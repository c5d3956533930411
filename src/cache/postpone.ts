import { ServiceError } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { Condition } from './condition.ts';
import type { Entry } from './entry.ts';
import type { Journal, Pending, PendingMatch } from './journal.ts';
import { Replay, type Replayed } from './replay.ts';
import { type Postponed, type Store, StoreError } from './store.ts';
import type { Version } from './version.ts';

/** How often a journal that is not empty is tried again, whatever is said of L2. */
const RETRY_MS = 1000;

/**
 * Keeps changes that L2 did not take, answers for their keys meanwhile, and makes them in L2 when it is back:
 * before their keys are read from L2 again.
 */
export class Postponer {
  readonly journal: Journal;
  readonly #clock: Clock;
  readonly #replay: Replay;
  #retrying = false;

  /** @param write runs a change of a key as the cache runs its own writes */
  constructor(journal: Journal, store: Store, clock: Clock, write: (replayed: Replayed) => Promise<void>) {
    this.journal = journal;
    this.#clock = clock;
    this.#replay = new Replay(journal, store, write);
  }

  /**
   * Keeps a change that failed, if it may be made later: one with a condition may not, since nobody can know
   * now whether the condition holds.
   * @returns undefined where the failure stands
   * @throws ServiceError `journal_full`
   */
  keep(pending: Pending, error: unknown, condition?: Condition): Postponed | undefined {
    if (!(error instanceof StoreError && error.passing) || condition !== undefined) return undefined;
    if (!this.journal.put(pending, Date.now())) return full(error);
    this.#retryLater();
    return statusOf(error);
  }

  /** As `keep`, for a deletion of all that matches. */
  keepMatch(pending: PendingMatch, error: unknown): Postponed | undefined {
    if (!(error instanceof StoreError && error.passing)) return undefined;
    if (!this.journal.putMatch(pending, Date.now())) return full(error);
    this.#retryLater();
    return statusOf(error);
  }

  /** Keeps entries to be written back, as far as there is room. */
  keepAll(entries: Iterable<Entry>): void {
    const now = Date.now();
    for (const entry of entries) {
      const { key, version } = entry;
      if (this.journal.get(key) === undefined) this.journal.put({ key, version, entry }, now);
    }
    this.#retryLater();
  }

  /** What is true of the key whatever L2 says, where something is: an entry, or that there is none. */
  truth(key: string): { readonly entry: Entry | undefined } | undefined {
    if (this.journal.size === 0) return undefined;
    const pending = this.journal.get(key);
    if (pending === undefined) return undefined;
    const { entry } = pending;
    return { entry: entry !== undefined && entry.expiresAt > this.#clock.now ? entry : undefined };
  }

  /** Whether what L2 holds was deleted, together with others, and L2 does not know yet. */
  overrules(key: string, stored: Entry): boolean {
    if (this.journal.size === 0) return false;
    const deleted = this.journal.deletedAsOf(key);
    return deleted !== undefined && stored.version < deleted;
  }

  /**
   * A condition is asked of L2, which must not answer while a change of the key waits that it has not seen.
   * @throws StoreError
   */
  checkCondition(key: string, condition: Condition | undefined): void {
    if (condition === undefined || this.journal.size === 0) return;
    if (this.journal.get(key) === undefined && this.journal.deletedAsOf(key) === undefined) return;
    throw new StoreError('unavailable', 'an earlier change of the key still has to reach Redis');
  }

  /**
   * A deletion leaves for L2. What waits of the key is to be deleted too from now on: a replay that begins before
   * the answer is there would bring it back.
   */
  deleting(key: string, version: Version): void {
    if (this.journal.get(key) === undefined) return;
    this.journal.put({ key, version, entry: undefined }, Date.now());
  }

  /** As `deleting`, for all that matches. */
  deletingWhere(matches: (key: string) => boolean, version: Version): void {
    this.journal.deleteWhere(matches, version);
  }

  /**
   * A change of the key reached L2: what waits of before it is over.
   * @returns whether nothing newer waits
   */
  settled(key: string, version: Version): boolean {
    if (this.journal.size === 0) return true;
    const pending = this.journal.get(key);
    if (pending === undefined) return true;
    if (pending.version > version) return false;
    this.journal.done(pending);
    return true;
  }

  /** L2 may be back: makes there what waits. */
  replay(): Promise<void> {
    return this.journal.size === 0 ? Promise.resolve() : this.#replay.run();
  }

  #retryLater(): void {
    if (this.#retrying) return;
    this.#retrying = true;
    setTimeout(async () => {
      await this.replay();
      this.#retrying = false;
      if (this.journal.size > 0) this.#retryLater();
    }, RETRY_MS).unref();
  }
}

function statusOf(error: StoreError): Postponed {
  return error.reason === 'timeout' ? 'unknown' : 'accepted';
}

function full(error: StoreError): undefined {
  // Of one that timed out it is worse news that nobody knows what became of it.
  if (error.reason === 'timeout') return undefined;
  throw new ServiceError('journal_full', `${error.message}, and the journal is full`);
}
