import { Lru, takeOut } from '../lru.ts';

/** The limit of entries for a single shard. */
const SHARD_ENTRIES = 16_384;

/** The slots of each of several shards. Keys do not spread evenly. A slot takes 22 bytes, used or not. */
const SHARD_SLOTS = 1.25 * SHARD_ENTRIES;

/** With several shards, one hit in this many moves its entry to the front. It must be a power of two. */
const PROMOTE_EVERY = 16;

/**
 * An LRU map on mnemonist's `LRUMapWithDelete`. Up to 16,384 entries it is one such map with an exact LRU order.
 *
 * Above that it is a power of two of them. A single Map of a million keys would move all keys at once when it grows,
 * which takes 50 to 120 ms. One hit in 16 is then promoted: a promotion writes to four slots, which at a million
 * entries are four CPU cache misses. The owner evicts, with `oldest`.
 */
export class Shards<Value> {
  readonly #shards: readonly Lru<Value>[];
  readonly #mask: number;
  #size = 0;
  #hits = 0;

  /** @param entries the limit that the owner enforces */
  constructor(entries: number) {
    let count = 1;
    while (count * SHARD_ENTRIES < entries) count *= 2;
    // One slot more than the limit, because the owner inserts an entry before it evicts another.
    const slots = count === 1 ? entries + 1 : SHARD_SLOTS;
    this.#shards = Array.from({ length: count }, () => new Lru<Value>(slots));
    this.#mask = count - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** Returns the value, and counts the lookup as a use of its key. */
  get(key: string): Value | undefined {
    if (this.#mask === 0) return this.#shards[0]!.get(key);
    const shard = this.#shardOf(key);
    return (++this.#hits & (PROMOTE_EVERY - 1)) === 0 ? shard.get(key) : shard.peek(key);
  }

  /** Returns the value without a change of the LRU order. */
  peek(key: string): Value | undefined {
    return this.#shardOf(key).peek(key);
  }

  /** Stores the value as the most recently used. The caller must make room first: see `crowded`. */
  set(key: string, value: Value): void {
    const shard = this.#shardOf(key);
    const before = shard.size;
    shard.set(key, value);
    this.#size += shard.size - before;
  }

  /** Deletes the key, and returns its value. */
  delete(key: string): Value | undefined {
    const value = takeOut(this.#shardOf(key), key);
    if (value !== undefined) this.#size--;
    return value;
  }

  /** Whether the key's shard has no free slot. The caller must then delete `oldest(key)` before `set`. */
  crowded(key: string): boolean {
    const shard = this.#shardOf(key);
    return shard.size === shard.capacity;
  }

  /**
   * Returns the value to evict for this key: the least recently used of its shard. Where the shard has at most one
   * entry, which may be the new one, it returns the least recently used of another shard.
   */
  oldest(key: string): Value | undefined {
    const own = this.#shardOf(key);
    const shard = own.size > 1 ? own : (this.#shards.find((each) => each !== own && each.size > 0) ?? own);
    return shard.size === 0 ? undefined : shard.V[shard.tail];
  }

  /** Yields all values shard by shard, in each the oldest insertion first. Changes during the walk are allowed. */
  *values(): Generator<Value> {
    for (const { items, V } of this.#shards) for (const slot of items.values()) yield V[slot]!;
  }

  /**
   * As `values`, but without the entries that are inserted into a shard during its walk, so a walk with pauses ends.
   */
  *valuesHeldNow(): Generator<Value> {
    for (const { items, V } of this.#shards) {
      let left = items.size;
      for (const slot of items.values()) {
        if (left-- === 0) break;
        yield V[slot]!;
      }
    }
  }

  /** The number of entries in each shard. */
  get sizes(): number[] {
    return this.#shards.map(({ size }) => size);
  }

  #shardOf(key: string): Lru<Value> {
    return this.#mask === 0 ? this.#shards[0]! : this.#shards[spread(key) & this.#mask]!;
  }
}

/**
 * A hash of six characters, from the places where keys of one type differ: after the type, at the end, and before the
 * end, where the terms of a calculation are. If all keys had the same hash, L1 could use only one shard.
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
