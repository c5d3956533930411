/** A key and a lower bound of its occurrences. */
export interface Frequent {
  readonly key: string;
  readonly count: number;
}

/**
 * Finds the most frequent keys of a stream in bounded memory (Metwally, Agrawal, El Abbadi 2005). A key without a
 * slot takes over the slot with the lowest count and continues with that count, which is its possible error. A key
 * whose share of the stream exceeds 1/capacity always has a slot.
 */
export class SpaceSaving {
  readonly #capacity: number;
  readonly #slots = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #counts: number[] = [];
  readonly #errors: number[] = [];
  /** A lower bound of all counts. Counts only grow, so the search for the lowest continues where it last ended. */
  #lowest = 1;
  #cursor = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#keys.length;
  }

  add(key: string): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#counts[slot]!++;
    else if (this.#keys.length < this.#capacity) this.#put(this.#keys.length, key, 0);
    else this.#replaceLowest(key);
  }

  /** The `n` keys with the highest lower bounds (count minus possible error), in descending order. */
  top(n: number): Frequent[] {
    return this.#keys
      .map((key, i) => ({ key, count: this.#counts[i]! - this.#errors[i]! }))
      .sort((a, b) => b.count - a.count)
      .slice(0, n);
  }

  #replaceLowest(key: string): void {
    const slot = this.#lowestSlot();
    this.#slots.delete(this.#keys[slot]!);
    this.#put(slot, key, this.#counts[slot]!);
  }

  #lowestSlot(): number {
    for (let steps = 0; this.#counts[this.#cursor]! > this.#lowest; steps++) {
      if (steps === this.#capacity) {
        this.#lowest = Math.min(...this.#counts);
        steps = 0;
      }
      this.#cursor = (this.#cursor + 1) % this.#capacity;
    }
    return this.#cursor;
  }

  #put(slot: number, key: string, error: number): void {
    this.#slots.set(key, slot);
    this.#keys[slot] = key;
    this.#counts[slot] = error + 1;
    this.#errors[slot] = error;
  }
}
