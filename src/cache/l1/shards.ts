import { Lru, takeOut } from '../lru.ts';

/** Up to so many entries there is one shard. */
const SHARD_ENTRIES = 16_384;

/** Slots of each of several shards: keys do not spread evenly. A slot takes 22 bytes, used or not. */
const SHARD_SLOTS = 1.25 * SHARD_ENTRIES;

/** With several shards, one hit in so many moves its entry to the front. A power of two. */
const PROMOTE_EVERY = 16;

/**
 * A least-recently-used map on mnemonist's `LRUMapWithDelete`. Up to 16,384 entries it is one of them, and the order of
 * use is exact. Above, it is a power of two of them, since one Map of a million keys moves all of them at once when it
 * grows, which takes 50 to 120 ms. Then one hit in 16 counts as a use: a move to the front writes to four slots, which
 * at a million entries are four cache misses. Its owner evicts, by `oldest`.
 */
export class Shards<Value> {
  readonly #shards: readonly Lru<Value>[];
  readonly #mask: number;
  #size = 0;
  #hits = 0;

  /** @param entries how many its owner lets it hold */
  constructor(entries: number) {
    let count = 1;
    while (count * SHARD_ENTRIES < entries) count *= 2;
    // One more than is allowed: an entry comes in before another is evicted for it.
    const slots = count === 1 ? entries + 1 : SHARD_SLOTS;
    this.#shards = Array.from({ length: count }, () => new Lru<Value>(slots));
    this.#mask = count - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** Looks up, and counts as a use. */
  get(key: string): Value | undefined {
    if (this.#mask === 0) return this.#shards[0]!.get(key);
    const shard = this.#shardOf(key);
    return (++this.#hits & (PROMOTE_EVERY - 1)) === 0 ? shard.get(key) : shard.peek(key);
  }

  /** Looks up, and leaves the order of use alone. */
  peek(key: string): Value | undefined {
    return this.#shardOf(key).peek(key);
  }

  /** Puts a value in, as the most recently used. The caller sees to it that there is room: see `crowded`. */
  set(key: string, value: Value): void {
    const shard = this.#shardOf(key);
    const before = shard.size;
    shard.set(key, value);
    this.#size += shard.size - before;
  }

  /** Deletes, and returns what was there. */
  delete(key: string): Value | undefined {
    const value = takeOut(this.#shardOf(key), key);
    if (value !== undefined) this.#size--;
    return value;
  }

  /** Whether the key's shard has no free slot; then `oldest` of it must go first. */
  crowded(key: string): boolean {
    const shard = this.#shardOf(key);
    return shard.size === shard.capacity;
  }

  /** What is to be evicted for this key: the least recently used of its shard, or of another if it is the only one. */
  oldest(key: string): Value | undefined {
    const shard = this.#shardOf(key);
    const crowd =
      shard.size > 1 ? shard : (this.#shards.find((each) => each !== shard && each.size > 0) ?? shard);
    return crowd.size === 0 ? undefined : crowd.V[crowd.tail];
  }

  /** Shard by shard, and in each the oldest insertion first. Insertions and deletions meanwhile are allowed. */
  *values(): Generator<Value> {
    for (const { items, V } of this.#shards) for (const slot of items.values()) yield V[slot]!;
  }

  /** As `values`, but what comes into a shard while that is walked is left out, so that a walk with pauses ends. */
  *valuesHeldNow(): Generator<Value> {
    for (const { items, V } of this.#shards) {
      let left = items.size;
      for (const slot of items.values()) {
        if (left-- === 0) break;
        yield V[slot]!;
      }
    }
  }

  /** How many entries each shard has. */
  get sizes(): number[] {
    return this.#shards.map(({ size }) => size);
  }

  #shardOf(key: string): Lru<Value> {
    return this.#mask === 0 ? this.#shards[0]! : this.#shards[spread(key) & this.#mask]!;
  }
}

/**
 * Six characters of the key, from where keys of one type differ: behind the type, at the end, and before it where
 * the terms of a calculation stand. Were they alike in all keys, one shard would hold half of what is allowed.
 */
function spread(key: string): number {
  const last = key.length - 1;
  if (last < 3) return last + 1;
  const id = Math.min(last, 16);
  return (
    key.charCodeAt(last) +
    key.charCodeAt(last - 1) * 11 +
    key.charCodeAt((last * 3) >> 2) * 61 +
    key.charCodeAt(id) * 37 +
    key.charCodeAt(id - 1) * 467 +
    key.charCodeAt(id - 2) * 101
  );
}
