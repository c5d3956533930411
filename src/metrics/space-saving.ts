/** A key and how often it was seen at least. */
export interface Frequent {
  readonly key: string;
  readonly count: number;
}

/**
 * The most frequent keys of a stream in bounded memory (Metwally, Agrawal, El Abbadi 2005): a key that has no
 * slot takes over the slot with the lowest count, and that count as well, which is its possible error. A key
 * that makes up more than 1/capacity of the stream is always among the slots.
 */
export class SpaceSaving {
  readonly #capacity: number;
  readonly #slots = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #counts: number[] = [];
  readonly #errors: number[] = [];
  /** No count is lower; counts only grow, so the search for one so low goes on where it last ended. */
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

  /** The keys seen most often for certain, that is without their possible error, the most frequent first. */
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
