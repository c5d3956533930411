import { Lru, takeOut } from '../cache/lru.ts';
import { brokenBy, type Terms } from '../cache/terms.ts';
import type { NearCacheOptions } from './options.ts';
import type { Item } from './protocol.ts';
import { type Quality, Result } from './result.ts';
import type { Trust } from './trust.ts';

/** What the near cache stores of a key. Without a version the key is known to have no value. */
interface Entry {
  readonly key: string;
  readonly status: 'hit' | 'miss';
  readonly value: unknown;
  readonly version: string | undefined;
  readonly asOf: number | undefined;
  readonly source: string | undefined;
  readonly quality: Quality;
  readonly qualityReason: string | undefined;
  readonly fallback: undefined;
  readonly code: undefined;
  /** By `performance.now()`. */
  readonly expiresAt: number;
  /** The number of the watch that keeps the entry current: see `NearCache.distrustAll`. */
  watch: number;
}

/**
 * The entries that this process has read, each kept current by a watch of the service. An entry is served without a mark
 * while its watch is alive and the heartbeats prove that no event is missing.
 */
export class NearCache {
  readonly #options: Required<NearCacheOptions>;
  readonly #trust: Trust;
  readonly #entries: Lru<Entry>;
  /** The present watch. Entries of earlier watches may have missed changes. */
  #watch = 0;
  /** When entries of earlier watches were last known to be current, by `performance.now()`. */
  #staleSince = Number.NEGATIVE_INFINITY;
  /** Whether some entries are of earlier watches. */
  #hasStale = false;
  hits = 0;
  misses = 0;

  constructor(options: Required<NearCacheOptions>, trust: Trust) {
    this.#options = options;
    this.#trust = trust;
    this.#entries = new Lru(options.maxEntries);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns the entry while it is known to be current, or while the caller's policy allows a stale one. */
  peek(key: string): Result | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.misses++;
      return undefined;
    }
    const now = performance.now();
    if (entry.watch === this.#watch && now < this.#trust.until && now < entry.expiresAt) {
      this.hits++;
      return new Result(entry, 'coherent', 'near-cache', this.#trust.timeAt(now));
    }
    return this.#allowed(entry, now);
  }

  /** Returns the entry only while it is known to be current. */
  peekTrusted(key: string): Result | undefined {
    const result = this.peek(key);
    return result?.state === 'coherent' ? result : undefined;
  }

  /** Returns the entry only while it is known to be current and meets the terms. */
  peekOnTerms(key: string, terms: Terms): Result | undefined {
    const result = this.peekTrusted(key);
    if (result === undefined || result.status === 'miss') return result;
    const leftMs = this.#entries.peek(key)!.expiresAt - performance.now();
    return brokenBy(terms, result.age, leftMs) === undefined ? result : undefined;
  }

  /** Returns the entry, in place of an answer that the service could not give. */
  fallback(key: string): Result | undefined {
    const entry = this.#entries.peek(key);
    if (this.#options.stale !== 'available' || entry === undefined) return undefined;
    const now = performance.now();
    return now < entry.expiresAt ? this.#stale(entry, now) : undefined;
  }

  versionOf(key: string): string | undefined {
    return this.#entries.peek(key)?.version;
  }

  has(key: string): boolean {
    return this.#entries.items.has(key);
  }

  keys(): Iterable<string> {
    return this.#entries.items.keys();
  }

  /** Stores the state of a key that a read or an event found; it is current as of now. */
  store(key: string, { value, version, asOf, source, ttl, ...item }: Partial<Item>): void {
    const expiresAt = version === undefined ? Number.POSITIVE_INFINITY : performance.now() + ttl! * 1000;
    const status = version === undefined ? 'miss' : 'hit';
    const watch = this.#watch;
    const { quality, qualityReason } = item;
    const origin = {
      asOf,
      source,
      quality: quality ?? ('good' as const),
      qualityReason,
      fallback: undefined,
      code: undefined,
    };
    this.#entries.set(key, { key, status, value, version, ...origin, expiresAt, watch });
  }

  delete(key: string): void {
    takeOut(this.#entries, key);
  }

  deleteWhere(matches: (key: string) => boolean): void {
    for (const key of [...this.keys()]) if (matches(key)) this.delete(key);
  }

  /** The present watch proves that the entry has not changed. */
  confirm(key: string): void {
    const entry = this.#entries.peek(key);
    if (entry !== undefined) entry.watch = this.#watch;
  }

  /** Changes may be missed from now on, so no entry is trusted until a new watch has read it again. */
  distrustAll(): void {
    this.#watch++;
    // Entries that are stale already are at least as old as this.
    if (!this.#hasStale) this.#staleSince = this.#trust.provedAt;
    this.#hasStale = true;
  }

  /** The new watch has read all keys: drops the entries that it did not find. */
  dropStale(): void {
    this.deleteWhere((key) => this.#entries.peek(key)!.watch !== this.#watch);
    this.#hasStale = false;
  }

  #allowed(entry: Entry, now: number): Result | undefined {
    const { stale } = this.#options;
    if (now >= entry.expiresAt) {
      this.delete(entry.key);
      this.misses++;
      return undefined;
    }
    if (stale === 'strict') return undefined;
    if (stale === 'available') return this.#stale(entry, now);
    const provedAt = entry.watch === this.#watch ? this.#trust.provedAt : this.#staleSince;
    return now - provedAt <= stale.maxStalenessMs ? this.#stale(entry, now) : undefined;
  }

  #stale(entry: Entry, now: number): Result {
    return new Result(entry, 'stale', 'near-cache', this.#trust.timeAt(now));
  }
}
