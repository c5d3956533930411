import { TYPES } from '../../key.ts';
import type { Counters } from '../../metrics/counters.ts';
import type { Clock } from '../clock.ts';
import type { Entry } from '../entry.ts';
import { ONE_SLOT, type Slots } from '../slots.ts';
import type { Version } from '../version.ts';
import { Shards } from './shards.ts';

export interface MemoryOptions {
  readonly maxEntries: number;
  /** The limit of the sum of `Entry.bytes`; 0 for no limit. */
  readonly maxBytes: number;
  /** How long an entry is served before L2 is asked again, in milliseconds; Infinity without L2. Read for each entry. */
  readonly ttlMs: number;
  /** How L2 divides the keys; by default it is one server. */
  readonly slots?: Slots;
}

/** Reasons why the entries of a slot may not be served without asking L2. */
const INVALIDATIONS_MAY_BE_MISSED = 1;
const BEING_DROPPED = 2;

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
  readonly #slots: Slots;
  /** For each slot, why its entries may not be served without asking L2; 0 where they may. */
  readonly #distrust: Uint8Array;
  /** The number of slots that are not trusted. While it is 0, a hit does not look at its slot. */
  #doubtful = 0;
  #bytes = 0;
  readonly #sizes = new Float64Array(TYPES.length);
  /** Called for each entry that has expired or was evicted, after it was removed. */
  onGone: ((key: string, reason: 'expire' | 'evict') => void) | undefined;

  constructor(options: MemoryOptions, clock: Clock, counters: Counters) {
    this.#options = options;
    this.#clock = clock;
    this.#counters = counters;
    this.#entries = new Shards(options.maxEntries);
    this.#slots = options.slots ?? ONE_SLOT;
    this.#distrust = new Uint8Array(this.#slots.count);
  }

  /** Whether entries of the slot may be served without asking L2. They may not while invalidations may be missed. */
  trust(slot: number, yes: boolean): void {
    this.#doubt(slot, INVALIDATIONS_MAY_BE_MISSED, !yes);
  }

  /** As `trust`, for every slot. */
  trustAll(yes: boolean): void {
    for (let slot = 0; slot < this.#slots.count; slot++) this.trust(slot, yes);
  }

  /** Returns the entry if it is fresh, and makes it the most recently used. */
  fresh(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.freshUntil > this.#clock.now && this.#trusts(entry)
      ? entry
      : undefined;
  }

  /** As `fresh`, without a change of the LRU order. */
  glance(key: string): Entry | undefined {
    const entry = this.#entries.peek(key);
    return entry !== undefined && entry.freshUntil > this.#clock.now && this.#trusts(entry)
      ? entry
      : undefined;
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
    if (this.#slots !== ONE_SLOT) entry.slot = this.#slots.of(key);
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

  /** Whether the entries of the slot are being dropped. They are then not served without asking L2. */
  hold(slot: number, yes: boolean): void {
    this.#doubt(slot, BEING_DROPPED, yes);
  }

  #doubt(slot: number, reason: number, yes: boolean): void {
    const before = this.#distrust[slot]!;
    const after = yes ? before | reason : before & ~reason;
    this.#distrust[slot] = after;
    this.#doubtful += Math.sign(after) - Math.sign(before);
  }

  /** Deletes all entries of these slots. Each step of the generator visits a few hundred entries. */
  *dropSlots(slots: ReadonlySet<number>): Generator<void, void> {
    let seen = 0;
    const entries = this.#entries;
    for (const entry of entries.valuesHeldNow()) {
      if (entries !== this.#entries) break;
      if (slots.has(entry.slot)) this.#remove(entry);
      if (++seen % SWEEP_SLICE === 0) yield;
    }
  }

  /** Returns the number of entries of these slots. */
  countOf(slots: ReadonlySet<number>): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (slots.has(entry.slot)) count++;
    return count;
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

  /** Yields the entries of these slots that have not expired. */
  *unexpiredEntries(slots: ReadonlySet<number>): Generator<Entry> {
    for (const entry of this.#entries.values())
      if (slots.has(entry.slot) && entry.expiresAt > this.#clock.now) yield entry;
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

  #trusts(entry: Entry): boolean {
    return this.#doubtful === 0 || this.#distrust[entry.slot] === 0;
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
