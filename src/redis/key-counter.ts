import { EVERYTHING } from '../cache/match.ts';
import { TYPES, typeOf } from '../key.ts';
import { type ScanDeps, scan } from './scan.ts';

/** The number of keys in Redis under the prefix. */
export interface KeyCounts {
  readonly total: number;
  /** By `TypeIndex`. */
  readonly byType: readonly number[];
  /** When the count ended, in milliseconds since 1970. */
  readonly countedAt: number;
}

export interface KeyCounterOptions {
  /** The age from which on a count is repeated, in milliseconds. */
  readonly maxAgeMs: number;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/** The pause after a scan, as a multiple of its duration: scans run for at most a twentieth of the time. */
const PAUSE_PER_SCAN = 20;

/** The pause after a failed scan. */
const PAUSE_AFTER_FAILURE_MS = 1000;

/**
 * Counts the keys under the prefix by type, with SCAN in slices, one scan at a time. A scan that took `t` is repeated
 * after `maxAgeMs` or 20 `t`, whichever is longer. So a large database is counted rarely.
 *
 * The count is exact while no key changes. It may miss keys that are inserted or deleted during the scan. While Redis
 * resizes its table it may count a key twice, because only a set of all names in memory would prevent that. So the
 * count is a gauge for operators, not a basis for calculations.
 */
export class KeyCounter {
  readonly #deps: ScanDeps;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  #counts: KeyCounts | undefined;
  #last: Promise<KeyCounts> | undefined;
  /** When the next scan may begin. Infinite while one runs. */
  #dueAt = 0;

  constructor(deps: ScanDeps, options: KeyCounterOptions) {
    this.#deps = deps;
    this.#maxAgeMs = options.maxAgeMs;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Returns the last count, the running count, or a new count if that is due.
   * @throws StoreError if the scan failed, also during the pause after it
   */
  fresh(): Promise<KeyCounts> {
    if (this.#last === undefined || this.#now() >= this.#dueAt) this.#last = this.#start();
    return this.#last;
  }

  /** Returns the last count, or undefined before the first one. It starts a new count if that is due. */
  latest(): KeyCounts | undefined {
    // A failure is counted where it happens, and the next `fresh` throws it.
    this.fresh().catch(() => {});
    return this.#counts;
  }

  async #start(): Promise<KeyCounts> {
    const start = this.#now();
    this.#dueAt = Number.POSITIVE_INFINITY;
    let pauseMs = PAUSE_AFTER_FAILURE_MS;
    try {
      this.#counts = await this.#count();
      pauseMs = this.#maxAgeMs;
      return this.#counts;
    } finally {
      const end = this.#now();
      this.#dueAt = end + Math.max(pauseMs, PAUSE_PER_SCAN * (end - start));
    }
  }

  async #count(): Promise<KeyCounts> {
    const byType = TYPES.map(() => 0);
    const prefixLength = this.#deps.keyPrefix.length;
    let total = 0;
    for await (const keys of scan(this.#deps, EVERYTHING)) {
      total += keys.length;
      for (const key of keys) byType[typeOf(key.slice(prefixLength))]!++;
    }
    return { total, byType, countedAt: Date.now() };
  }
}
