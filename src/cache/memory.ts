import type { Counters } from '../metrics/counters.ts';
import type { Clock } from './clock.ts';
import type { Entry } from './entry.ts';
import { TYPES } from './key.ts';
import { Lru } from './lru.ts';

export interface MemoryOptions {
  /** Entries at most. */
  readonly maxEntries: number;
  /** Bytes at most, as `Entry.bytes` counts them; 0 for no such bound. */
  readonly maxBytes: number;
  /** How long an entry is served before L2 is asked again, in milliseconds; Infinity where there is no L2. */
  readonly ttlMs: number;
}

// A slice of a sweep looks at this many entries: about 50 µs, far under the millisecond it may take.
const SWEEP_SLICE = 500;

/**
 * L1: the least recently used entries of this process, each with two deadlines. Past `freshUntil` an entry
 * is not served while L2 can be asked, but stays as what there is if L2 cannot; past `expiresAt` it is gone.
 */
export class Memory {
  readonly #options: MemoryOptions;
  readonly #clock: Clock;
  readonly #counters: Counters;
  #lru: Lru<Entry>;
  #bytes = 0;
  /** Whether entries may be served without asking L2; false while invalidations may go unheard. */
  trusted = true;
  readonly #sizes = new Float64Array(TYPES.length);
  /** Told of each entry that goes by itself, when it has gone: its time was over, or there was no room. */
  onGone: ((key: string, reason: 'expire' | 'evict') => void) | undefined;

  constructor(options: MemoryOptions, clock: Clock, counters: Counters) {
    this.#options = options;
    this.#clock = clock;
    this.#counters = counters;
    this.#lru = new Lru(options.maxEntries);
  }

  /** The entry if it is fresh; it becomes the most recently used. */
  fresh(key: string): Entry | undefined {
    const entry = this.#lru.get(key);
    return entry !== undefined && entry.freshUntil > this.#clock.now && this.trusted ? entry : undefined;
  }

  /** What is there, whatever its deadlines; leaves the order alone. */
  held(key: string): Entry | undefined {
    return this.#lru.peek(key);
  }

  /** The entry if its value is not over, fresh or not: what to serve when L2 cannot be asked. */
  unexpired(key: string): Entry | undefined {
    const entry = this.#lru.peek(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > this.#clock.now) return entry;
    this.#expire(key, entry);
    return undefined;
  }

  /** Keeps the entry, giving up the least recently used where there is no room. */
  set(key: string, entry: Entry): void {
    const { maxBytes, ttlMs } = this.#options;
    this.delete(key);
    if (maxBytes > 0 && entry.bytes > maxBytes) return;
    while (
      this.#lru.size >= this.#options.maxEntries ||
      (maxBytes > 0 && this.#bytes + entry.bytes > maxBytes)
    )
      this.#evictOldest();
    entry.freshUntil = Math.min(this.#clock.now + ttlMs, entry.expiresAt);
    this.#lru.set(key, entry);
    this.#bytes += entry.bytes;
    this.#sizes[entry.type]!++;
  }

  delete(key: string): boolean {
    const entry = this.#lru.peek(key);
    if (entry === undefined) return false;
    this.#release(key, entry);
    return true;
  }

  /** Deletes every entry whose key matches, and says how many. */
  deleteWhere(matches: (key: string) => boolean): number {
    let deleted = 0;
    for (const key of this.#lru.items.keys()) if (matches(key) && this.delete(key)) deleted++;
    return deleted;
  }

  /** Deletes everything, and says how many entries that was. */
  clear(): number {
    const deleted = this.#lru.size;
    // A new map, because mnemonist's `clear` leaves every value pinned in its slot.
    this.#lru = new Lru(this.#options.maxEntries);
    this.#bytes = 0;
    this.#sizes.fill(0);
    return deleted;
  }

  /**
   * Removes expired entries a slice at a time: each step of the generator looks at a few hundred entries,
   * and the caller decides what may run in between. Returns how many were removed.
   */
  *sweep(): Generator<void, number> {
    let removed = 0;
    let seen = 0;
    const lru = this.#lru;
    // A Map's iterator survives deletions and insertions, so the sweep can rest between slices. What is
    // inserted meanwhile comes at its end: the count keeps a busy cache from being swept for ever.
    const last = lru.size;
    for (const key of lru.items.keys()) {
      if (lru !== this.#lru || seen++ >= last) break;
      const entry = lru.peek(key)!;
      if (entry.expiresAt <= this.#clock.now) {
        this.#expire(key, entry);
        removed++;
      }
      if (seen % SWEEP_SLICE === 0) yield;
    }
    return removed;
  }

  /** The keys held, the oldest insertion first. */
  keys(): Iterable<string> {
    return this.#lru.items.keys();
  }

  /** What is held and not over, the oldest insertion first. */
  *unexpiredEntries(): Generator<readonly [key: string, entry: Entry]> {
    for (const key of this.#lru.items.keys()) {
      const entry = this.#lru.peek(key)!;
      if (entry.expiresAt > this.#clock.now) yield [key, entry];
    }
  }

  get size(): number {
    return this.#lru.size;
  }

  get maxEntries(): number {
    return this.#options.maxEntries;
  }

  /** Bytes held, as `Entry.bytes` counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Entries held by `TypeIndex`. */
  get sizes(): Readonly<Float64Array> {
    return this.#sizes;
  }

  #expire(key: string, entry: Entry): void {
    this.#counters.l1Expirations[entry.type]!++;
    this.#release(key, entry);
    this.onGone?.(key, 'expire');
  }

  #evictOldest(): void {
    const { K, V, tail } = this.#lru;
    const key = K[tail]!;
    const entry = V[tail]!;
    if (entry.expiresAt <= this.#clock.now) return this.#expire(key, entry);
    this.#counters.l1Evictions[entry.type]!++;
    this.#release(key, entry);
    this.onGone?.(key, 'evict');
  }

  #release(key: string, entry: Entry): void {
    const { items, V } = this.#lru;
    const slot = items.get(key)!;
    this.#lru.delete(key);
    // mnemonist leaves the value in its slot until the slot is used again, which may be never.
    V[slot] = undefined;
    this.#bytes -= entry.bytes;
    this.#sizes[entry.type]!--;
  }
}
