import { EVERYTHING } from '../cache/match.ts';
import { TYPES, typeOf } from '../key.ts';
import { type ScanDeps, scan } from './scan.ts';

/** How many keys Redis holds under the prefix. */
export interface KeyCounts {
  readonly total: number;
  /** By `TypeIndex`. */
  readonly byType: readonly number[];
  /** When the count was complete, in milliseconds since the epoch. */
  readonly countedAt: number;
}

export interface CensusOptions {
  /** How old a count may become before it is taken again, in milliseconds. */
  readonly maxAgeMs: number;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/** A scan gets at most one twentieth of the time, however long it takes. */
const PAUSE_PER_SCAN = 20;

/** After a failed scan: soon enough to notice that Redis is back, and not so soon as to hammer at it. */
const PAUSE_AFTER_FAILURE_MS = 1000;

/**
 * Counts the keys under the prefix by type, with SCAN in slices, one scan at a time. A scan that took t is
 * not repeated before `maxAgeMs` or 20 t are over, whichever is longer, so a huge database is counted seldom.
 *
 * The count is exact while nothing changes. While keys come and go it may or may not see them, and while
 * Redis resizes its table a key may come twice and is then counted twice: to know better would take every
 * key's name in memory. So it is a gauge for operators, and nothing to compute with.
 */
export class Census {
  readonly #deps: ScanDeps;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  #counts: KeyCounts | undefined;
  #last: Promise<KeyCounts> | undefined;
  /** When the next scan may begin; never while one runs. */
  #dueAt = 0;

  constructor(deps: ScanDeps, options: CensusOptions) {
    this.#deps = deps;
    this.#maxAgeMs = options.maxAgeMs;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * The last count, or the one on its way, or a new one if that is due.
   * @throws StoreError if the scan failed, also for those who ask in the pause after it
   */
  fresh(): Promise<KeyCounts> {
    if (this.#last === undefined || this.#now() >= this.#dueAt) this.#last = this.#start();
    return this.#last;
  }

  /** What is known now, undefined before the first count; begins a new count if that is due. */
  latest(): KeyCounts | undefined {
    // The failure is counted where it happened, and the next `fresh` tells of it.
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
