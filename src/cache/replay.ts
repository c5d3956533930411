import type { Journal, Pending, PendingMatch } from './journal.ts';
import { type RemovalOutcome, type Store, StoreError, type WriteOutcome } from './store.ts';

const SLICE = 128;
const PAGE = 500;

/** A change that is made in L2 later than it was asked for. */
export interface Replayed {
  readonly key: string;
  readonly change: () => Promise<WriteOutcome | RemovalOutcome>;
  /** L2 has the change, or something newer: from here on L2 is the truth about the key. */
  readonly done?: () => void;
}

/**
 * Makes the changes of the journal in L2, each only where L2 holds nothing newer. Deletions of many keys come
 * first: what the journal has of single keys is newer than they are.
 */
export class Replay {
  readonly #journal: Journal;
  readonly #store: Store;
  /** Around each change of a key, as around every write of our own. */
  readonly #write: (replayed: Replayed) => Promise<void>;
  #running: Promise<void> | undefined;

  constructor(journal: Journal, store: Store, write: (replayed: Replayed) => Promise<void>) {
    this.#journal = journal;
    this.#store = store;
    this.#write = write;
  }

  /** Empties the journal into L2 as far as L2 takes it. What it does not take stays; nothing is thrown. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const journal = this.#journal;
    try {
      for (let next = journal.firstMatch(); next !== undefined; next = journal.firstMatch()) {
        await this.#deleteMatching(next);
        journal.matchDone(next);
      }
      for (let slice = journal.first(SLICE); slice.length > 0; slice = journal.first(SLICE))
        await Promise.all(slice.map((pending) => this.#make(pending)));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  async #make(pending: Pending): Promise<void> {
    const { key, version, entry } = pending;
    const condition = { is: 'if-older', version } as const;
    const ttlMs = entry === undefined ? 0 : Math.floor(entry.expiresAt - Date.now());
    const done = () => this.#journal.done(pending);
    if (entry === undefined || ttlMs <= 0) {
      // A value whose time is over took the place of an older one all the same, which must not come back.
      await this.#write({ key, change: () => this.#store.remove({ key, condition }), done });
      return;
    }
    const { value, storedAt, expiresAt } = entry;
    const change = () => this.#store.write({ key, value, version, storedAt, expiresAt, ttlMs, condition });
    await this.#write({ key, change, done });
  }

  async #deleteMatching({ match, version }: PendingMatch): Promise<void> {
    const condition = { is: 'if-older', version } as const;
    let cursor: string | undefined;
    do {
      const page = await this.#store.list(match, cursor, PAGE);
      cursor = page.cursor;
      await Promise.all(
        page.keys.map(({ key }) =>
          this.#write({ key, change: () => this.#store.remove({ key, condition }) }),
        ),
      );
    } while (cursor !== undefined);
  }
}
