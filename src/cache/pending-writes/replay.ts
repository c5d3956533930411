import type { Clock } from '../clock.ts';
import { type RemovalOutcome, type Store, StoreError, type WriteOutcome } from '../store.ts';
import type { Pending, PendingMatch, PendingWrites } from './pending-writes.ts';

/** Changes that are sent before the answers to the earlier ones are awaited. */
const SLICE = 128;

/** A change of a key that is made in L2 later than it was asked for. */
export interface Replayed {
  readonly pending: Pending;
  readonly change: () => Promise<WriteOutcome | RemovalOutcome>;
}

/** What the cache does about the changes that are made. */
export interface ReplayActions {
  /** Runs a change of a key as the cache runs its own writes, and settles it in the pending writes. */
  readonly write: (replayed: Replayed) => Promise<void>;
  /** L2 has deleted what matches: reads that began before may have met keys that were still there. */
  readonly forget: (pending: PendingMatch) => void;
}

/**
 * Makes the changes of the pending writes in L2, each only where L2 holds nothing newer. A change that Redis refuses stays
 * and holds up no other one. When Redis cannot be reached or does not answer, the run ends.
 *
 * Deletions by match run separately from the changes of single keys: they use another connection, which may hang
 * while the changes of keys succeed. The order does not matter, because a deletion spares what is newer than itself,
 * and the pending writes keep no change that is older than a deletion of its key.
 */
export class Replay {
  readonly #pendingWrites: PendingWrites;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #actions: ReplayActions;
  #matches: Promise<void> | undefined;
  #changes: Promise<void> | undefined;

  constructor(pendingWrites: PendingWrites, store: Store, clock: Clock, actions: ReplayActions) {
    this.#pendingWrites = pendingWrites;
    this.#store = store;
    this.#clock = clock;
    this.#actions = actions;
  }

  /** Empties the pending writes into L2 as far as L2 takes it. What it does not take stays; nothing is thrown. */
  async run(): Promise<void> {
    this.#matches ??= this.#makeMatches().finally(() => {
      this.#matches = undefined;
    });
    this.#changes ??= this.#makeChanges().finally(() => {
      this.#changes = undefined;
    });
    await Promise.all([this.#matches, this.#changes]);
  }

  async #makeMatches(): Promise<void> {
    for (const match of this.#pendingWrites.matches())
      if (!(await this.#reachesRedis(() => this.#deleteMatching(match)))) return;
  }

  async #makeChanges(): Promise<void> {
    const pendingWrites = this.#pendingWrites;
    // Each once: what Redis refuses stays. A change of a key that comes meanwhile follows.
    const tried = new Set<Pending>();
    while (true) {
      const waiting = [...pendingWrites.pending()].filter(
        (pending) => !tried.has(pending) && !pendingWrites.held(pending),
      );
      if (waiting.length === 0) return;
      for (let i = 0; i < waiting.length; i += SLICE)
        if (!(await this.#makeAll(waiting.slice(i, i + SLICE), tried))) return;
    }
  }

  /** Makes those that are still pending. Returns false where Redis gave no answer. */
  async #makeAll(slice: readonly Pending[], tried: Set<Pending>): Promise<boolean> {
    const reached = await Promise.all(
      slice.map((pending) => {
        tried.add(pending);
        if (this.#pendingWrites.get(pending.key) !== pending) return true;
        return this.#reachesRedis(() => this.#actions.write(this.#changeOf(pending)));
      }),
    );
    return !reached.includes(false);
  }

  /** Makes a change. Returns false where Redis gave no answer, so that others will not reach it either. */
  async #reachesRedis(change: () => Promise<void>): Promise<boolean> {
    try {
      await change();
      return true;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return error.reason === 'rejected';
    }
  }

  #changeOf(pending: Pending): Replayed {
    const { key, version, entry, contested = false } = pending;
    const condition = { is: 'if-older', version, unlessForeign: contested } as const;
    // A value that has expired took the place of an older one all the same, which must not come back.
    if (entry === undefined || entry.expiresAt <= this.#clock.now)
      return { pending, change: () => this.#store.remove({ key, version, condition, late: true }) };
    const { value, storedAt, expiresAt } = entry;
    const write = { key, value, version, storedAt, expiresAt, condition, late: true };
    return { pending, change: () => this.#store.write(write) };
  }

  async #deleteMatching(pending: PendingMatch): Promise<void> {
    await this.#store.removeMatching(pending.match, pending.version);
    this.#pendingWrites.matchDone(pending);
    this.#actions.forget(pending);
  }
}
