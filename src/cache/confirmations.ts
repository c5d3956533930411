import type { Counters } from '../metrics/counters.ts';
import type { Announced } from './bus.ts';
import type { Entry } from './entry.ts';
import type { Memory } from './l1/memory.ts';
import type { Store } from './store.ts';

interface Pending {
  readonly entry: Entry;
  /** Another invalidation came: the question that is out may have been answered before it. */
  again: boolean;
  /** What was said of the last change of which anything was. */
  announced: Announced | undefined;
}

/**
 * Keeps an own write in L1 when the link echoes it. The echo says only that the key changed, and several
 * changes in one turn of Redis's loop are one echo; so L2 is asked which version it holds. Is it ours, then
 * the echo was ours, and the entry stays; else it goes, or is no longer fresh where L2 does not answer. Meanwhile it
 * is served: what replaced it in L2, if anything did, is one round trip old.
 */
export class Confirmations {
  readonly #pending = new Map<string, Pending>();
  readonly #memory: Memory;
  readonly #store: Store;
  readonly #counters: Counters;
  readonly #onGone: (key: string, announced: Announced | undefined) => void;

  /** @param onGone told of a key when its own entry is not what L2 holds */
  constructor(
    memory: Memory,
    store: Store,
    counters: Counters,
    onGone: (key: string, announced: Announced | undefined) => void,
  ) {
    this.#memory = memory;
    this.#store = store;
    this.#counters = counters;
    this.#onGone = onGone;
  }

  /** An invalidation came for the key, for which L1 holds this own entry. */
  ask(key: string, entry: Entry, announced?: Announced): void {
    const pending = this.#pending.get(key);
    if (pending?.entry === entry) {
      pending.again = true;
      pending.announced = announced ?? pending.announced;
      return;
    }
    const question: Pending = { entry, again: false, announced };
    this.#pending.set(key, question);
    void this.#settle(key, question);
  }

  async #settle(key: string, question: Pending): Promise<void> {
    const { entry } = question;
    let ours: boolean | undefined;
    do {
      question.again = false;
      this.#counters.confirmations++;
      ours = await this.#store.version(key).then(
        (version) => version === entry.version,
        () => undefined,
      );
    } while (ours && question.again);
    if (this.#pending.get(key) === question) this.#pending.delete(key);
    if (ours) {
      entry.own = false;
      return;
    }
    // It may have been replaced meanwhile, or given up for want of room; that L2 holds another is news all the same.
    if (this.#memory.held(key) === entry) {
      // Without an answer it is as good as any that L2 cannot be asked about: not fresh, and better than none.
      if (ours === undefined) this.#memory.stale(entry);
      else this.#memory.delete(key);
      entry.own = false;
    }
    this.#onGone(key, question.announced);
  }
}
