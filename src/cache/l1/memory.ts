import { TYPES } from '../../key.ts';
import type { Counters } from '../../metrics/counters.ts';
import type { Clock } from '../clock.ts';
import type { Entry } from '../entry.ts';
import { Shards } from './shards.ts';

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

// The header lines of an answer take as much as a small value.
const HEAD_IDLE_SECONDS = 10;

/**
 * L1: the least recently used entries of this process, each with two deadlines. Past `freshUntil` an entry
 * is not served while L2 can be asked, but stays as what there is if L2 cannot; past `expiresAt` it is gone.
 */
export class Memory {
  readonly #options: MemoryOptions;
  readonly #clock: Clock;
  readonly #counters: Counters;
  #entries: Shards<Entry>;
  #bytes = 0;
  /** Whether entries may be served without asking L2; false while invalidations may go unheard. */
  trusted = true;
  readonly #sizes = new Float64Array(TYPES.length);
  /** Called for each entry that has expired or was evicted, after it was removed. */
  onGone: ((key: string, reason: 'expire' | 'evict') => void) | undefined;

  constructor(options: MemoryOptions, clock: Clock, counters: Counters) {
    this.#options = options;
    this.#clock = clock;
    this.#counters = counters;
    this.#entries = new Shards(options.maxEntries);
  }

  /** The entry if it is fresh; it becomes the most recently used. */
  fresh(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.freshUntil > this.#clock.now && this.trusted ? entry : undefined;
  }

  /** As `fresh`, for who is not a reader: leaves the order of use alone. */
  glance(key: string): Entry | undefined {
    const entry = this.#entries.peek(key);
    return entry !== undefined && entry.freshUntil > this.#clock.now && this.trusted ? entry : undefined;
  }

  /** What is there, whatever its deadlines; leaves the order alone. */
  held(key: string): Entry | undefined {
    return this.#entries.peek(key);
  }

  /** The entry if its value is not over, fresh or not: what to serve when L2 cannot be asked. */
  unexpired(key: string): Entry | undefined {
    const entry = this.#entries.peek(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > this.#clock.now) return entry;
    this.#expire(entry);
    return undefined;
  }

  /** Stores the entry, and evicts the least recently used where there is no room. */
  set(entry: Entry): void {
    const { maxEntries, maxBytes, ttlMs } = this.#options;
    const { key } = entry;
    const replaced = this.#entries.peek(key);
    if (maxBytes > 0 && entry.bytes > maxBytes) {
      if (replaced !== undefined) this.#remove(replaced);
      return;
    }
    if (replaced !== undefined) this.#uncount(replaced);
    else if (this.#entries.crowded(key)) this.#evictFor(key);
    entry.freshUntil = Math.min(this.#clock.now + ttlMs, entry.expiresAt);
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    this.#sizes[entry.type]!++;
    while (this.#entries.size > maxEntries || (maxBytes > 0 && this.#bytes > maxBytes)) this.#evictFor(key);
  }

  delete(key: string): boolean {
    const entry = this.#entries.peek(key);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  /** Deletes every entry that is meant, and returns how many. */
  deleteWhere(meant: (entry: Entry) => boolean): number {
    let deleted = 0;
    for (const entry of this.#entries.values()) {
      if (!meant(entry)) continue;
      this.#remove(entry);
      deleted++;
    }
    return deleted;
  }

  /** Deletes everything, and says how many entries that was. */
  clear(): number {
    const deleted = this.#entries.size;
    this.#entries = new Shards(this.#options.maxEntries);
    this.#bytes = 0;
    this.#sizes.fill(0);
    return deleted;
  }

  /**
   * Removes expired entries, and what was prepared of answers that nobody asks for any more, a slice at a time: each
   * step of the generator looks at a few hundred entries, and the caller decides what may run in between. Returns
   * how many were removed.
   */
  *sweep(): Generator<void, number> {
    let removed = 0;
    let seen = 0;
    const entries = this.#entries;
    const idle = this.#clock.now / 1000 - HEAD_IDLE_SECONDS;
    for (const entry of entries.valuesHeldNow()) {
      if (entries !== this.#entries) break;
      if (entry.expiresAt <= this.#clock.now) {
        this.#expire(entry);
        removed++;
      } else {
        if (entry.head !== undefined && entry.head.second < idle) entry.head = undefined;
        // Made again in a microsecond or two by who still asks for it.
        entry.prepared = undefined;
      }
      if (++seen % SWEEP_SLICE === 0) yield;
    }
    return removed;
  }

  /** All that is held, over or not, in an order that reading and replacing do not change. */
  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** What is held and not over. */
  *unexpiredEntries(): Generator<Entry> {
    for (const entry of this.#entries.values()) if (entry.expiresAt > this.#clock.now) yield entry;
  }

  get size(): number {
    return this.#entries.size;
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

  #expire(entry: Entry): void {
    this.#counters.l1Expirations[entry.type]!++;
    this.#remove(entry);
    this.onGone?.(entry.key, 'expire');
  }

  #evictFor(key: string): void {
    const entry = this.#entries.oldest(key)!;
    if (entry.expiresAt <= this.#clock.now) return this.#expire(entry);
    this.#counters.l1Evictions[entry.type]!++;
    this.#remove(entry);
    this.onGone?.(entry.key, 'evict');
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#uncount(entry);
  }

  #uncount(entry: Entry): void {
    this.#bytes -= entry.bytes;
    this.#sizes[entry.type]!--;
  }
}
