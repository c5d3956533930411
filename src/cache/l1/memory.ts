import { TYPES } from '../../key.ts';
import type { Counters } from '../../metrics/counters.ts';
import type { Clock } from '../clock.ts';
import type { Entry } from '../entry.ts';
import type { Version } from '../version.ts';
import { Shards } from './shards.ts';

export interface MemoryOptions {
  readonly maxEntries: number;
  /** The limit of the sum of `Entry.bytes`; 0 for no limit. */
  readonly maxBytes: number;
  /** How long an entry is served before L2 is asked again, in milliseconds; Infinity without L2. */
  readonly ttlMs: number;
}

// Entries per slice of a sweep: about 50 µs, far below the millisecond that a slice may take.
const SWEEP_SLICE = 500;

// Header lines that no answer has used for this long are dropped: they take as much memory as a small value.
const HEAD_IDLE_SECONDS = 10;

/**
 * L1: the most recently used entries of this process, each with two deadlines. After `freshUntil` an entry is stale: it
 * is served only while L2 does not answer. After `expiresAt` it is never served.
 */
export class Memory {
  readonly #options: MemoryOptions;
  readonly #clock: Clock;
  readonly #counters: Counters;
  #entries: Shards<Entry>;
  #bytes = 0;
  /** Whether entries may be served without asking L2; false while invalidations may be missed. */
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

  /** Returns the entry if it is fresh, and makes it the most recently used. */
  fresh(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.freshUntil > this.#clock.now && this.trusted ? entry : undefined;
  }

  /** As `fresh`, without a change of the LRU order. */
  glance(key: string): Entry | undefined {
    const entry = this.#entries.peek(key);
    return entry !== undefined && entry.freshUntil > this.#clock.now && this.trusted ? entry : undefined;
  }

  /** Returns the cached entry, fresh, stale or expired, without a change of the LRU order. */
  cached(key: string): Entry | undefined {
    return this.#entries.peek(key);
  }

  /** Returns the entry if it has not expired, fresh or stale: the answer while L2 does not answer. */
  unexpired(key: string): Entry | undefined {
    const entry = this.#entries.peek(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt > this.#clock.now) return entry;
    this.#expire(entry);
    return undefined;
  }

  /** Stores the entry, and evicts the least recently used entries while a limit is exceeded. */
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

  /** Deletes the entry of the key unless it has this version; undefined for a key that should have no entry. */
  deleteUnless(key: string, version: Version | undefined): void {
    if (this.cached(key)?.version !== version) this.delete(key);
  }

  /** Deletes every matching entry, and returns how many it deleted. */
  deleteWhere(matches: (entry: Entry) => boolean): number {
    let deleted = 0;
    for (const entry of this.#entries.values()) {
      if (!matches(entry)) continue;
      this.#remove(entry);
      deleted++;
    }
    return deleted;
  }

  /** Deletes all entries, and returns how many it deleted. */
  clear(): number {
    const deleted = this.#entries.size;
    this.#entries = new Shards(this.#options.maxEntries);
    this.#bytes = 0;
    this.#sizes.fill(0);
    return deleted;
  }

  /**
   * Removes expired entries, and drops derived data that is unused. Each step of the generator visits a few
   * hundred entries; the caller decides what may run in between.
   * @returns the number of removed entries
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
        // The next read that needs it makes it again in a microsecond or two.
        entry.prepared = undefined;
      }
      if (++seen % SWEEP_SLICE === 0) yield;
    }
    return removed;
  }

  /** Yields all entries, expired ones too, in an order that reads and replacements do not change. */
  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** Yields the entries that have not expired. */
  *unexpiredEntries(): Generator<Entry> {
    for (const entry of this.#entries.values()) if (entry.expiresAt > this.#clock.now) yield entry;
  }

  get size(): number {
    return this.#entries.size;
  }

  get maxEntries(): number {
    return this.#options.maxEntries;
  }

  /** The sum of `Entry.bytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The number of entries by `TypeIndex`. */
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
