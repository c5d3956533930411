import type { Entry } from '../cache/entry.ts';
import { Lru } from '../cache/lru.ts';
import type { Version } from '../cache/version.ts';

/** The last known state of a key: its version, or undefined if it has no value. */
export interface Known {
  readonly version: Version | undefined;
  readonly expiresAt: number;
  /** Some clients may not have this state: a notice invalidated it, or their read found another. */
  readonly dropped?: boolean;
}

/** The state of each key that clients have received last. The keys that are used least are forgotten first. */
export class KnownStates {
  readonly #states: Lru<Known>;

  /** @param most the number of keys; memory for all of them is allocated at once */
  constructor(most: number) {
    this.#states = new Lru(most);
  }

  /** Whether keys are forgotten. */
  get isFull(): boolean {
    return this.#states.size >= this.#states.capacity;
  }

  /** Returns the state, and makes its key the most recently used. */
  use(key: string): Known | undefined {
    return this.#states.get(key);
  }

  get(key: string): Known | undefined {
    return this.#states.peek(key);
  }

  /** @param entry undefined if the key has no value */
  set(key: string, entry: Entry | undefined): void {
    this.#states.set(key, { version: entry?.version, expiresAt: entry?.expiresAt ?? 0 });
  }

  /** Some clients may not have the state of the key. So it is sent again when it is learned again. */
  drop(key: string): void {
    const known = this.get(key);
    if (known !== undefined) this.#states.set(key, { ...known, dropped: true });
  }

  /** Whether a state of the key is known that is not this version. */
  hasAnother(key: string, version: Version): boolean {
    const known = this.get(key);
    return known !== undefined && known.version !== version;
  }

  /** The matching keys that have a value, or whose value some clients may have. */
  *mayHaveValue(matches: (key: string) => boolean): Generator<string> {
    for (const key of this.#states.items.keys()) {
      const { version, dropped } = this.get(key)!;
      if ((version !== undefined || dropped) && matches(key)) yield key;
    }
  }

  clear(): void {
    for (const key of [...this.#states.items.keys()]) this.#states.delete(key);
  }
}
