import type { Counters } from '../metrics/counters.ts';
import type { Clock } from './clock.ts';
import { Entry, type Value } from './entry.ts';
import { type Flight, Flights } from './flight.ts';
import { type TtlTable, typeOf } from './key.ts';
import { type Match, matcher } from './match.ts';
import type { Memory } from './memory.ts';
import { type Condition, type RemovalOutcome, type Store, StoreError, type WriteOutcome } from './store.ts';
import { NO_VERSION, type Version, type VersionClock } from './version.ts';

/** Where a read found its answer, for `Cache-Status`, the metrics, and the reader who wants to know. */
export type Source =
  /** L1, fresh. */
  | 'l1'
  /** L2. */
  | 'l2'
  /** L1, past its freshness, because L2 could not be asked. */
  | 'l1-stale'
  /** Neither tier holds the key. */
  | 'none'
  /** L1 does not hold the key, and L2 could not be asked. */
  | 'unknown';

export interface Loaded {
  readonly entry: Entry | undefined;
  readonly source: Source;
  /** Why L2 could not be asked, where it could not. */
  readonly fault?: StoreError;
}

export interface TwoLevelParts {
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone: L1 is then all there is. */
  readonly store: Store | undefined;
  readonly clock: Clock;
  readonly versions: VersionClock;
  readonly counters: Counters;
  readonly ttls: TtlTable;
}

/**
 * The algorithm. A read peeks into L1, which costs a map look-up; what L1 cannot answer is loaded from L2, one
 * flight a key, and put into L1 unless the flight was fenced meanwhile. A write goes to L2 first and into L1
 * when L2 has it, so L1 never holds what L2 has not accepted.
 */
export class TwoLevel {
  readonly memory: Memory | undefined;
  readonly store: Store | undefined;
  readonly #clock: Clock;
  readonly #versions: VersionClock;
  readonly #counters: Counters;
  readonly #ttls: TtlTable;
  readonly #flights: Flights<Loaded>;

  constructor(parts: TwoLevelParts) {
    this.memory = parts.memory;
    this.store = parts.store;
    this.#clock = parts.clock;
    this.#versions = parts.versions;
    this.#counters = parts.counters;
    this.#ttls = parts.ttls;
    this.#flights = new Flights(parts.counters);
  }

  /** The entry if L1 holds it fresh. Synchronous, and all that happens on a hit. */
  peek(key: string): Entry | undefined {
    const entry = this.memory?.fresh(key);
    if (entry === undefined) return undefined;
    this.#counters.l1Hits[entry.type]!++;
    return entry;
  }

  /** The answer that `peek` could not give: from L2, or from L1 past its freshness if L2 cannot be asked. */
  load(key: string): Promise<Loaded> {
    this.#counters.l1Misses[typeOf(key)]!++;
    return this.#flights.join(key, 1, (flight) => this.#fly(key, flight));
  }

  /** Brings the entry from L2 into L1 without counting as a read. */
  async prefetch(key: string): Promise<boolean> {
    const { entry } = await this.#flights.join(key, 0, (flight) => this.#fly(key, flight));
    return entry !== undefined;
  }

  /** `peek`, then `load`. */
  async get(key: string): Promise<Loaded> {
    const entry = this.peek(key);
    return entry === undefined ? this.load(key) : { entry, source: 'l1' };
  }

  /** Whether there is a value for the key. */
  async exists(key: string): Promise<boolean> {
    return (await this.get(key)).entry !== undefined;
  }

  /**
   * Writes through to L2, and then into L1.
   * @param ttlMs how long the value lives; undefined for the time its type gives it
   * @throws StoreError if L2 did not take it; L1 then holds nothing for the key
   */
  async set(key: string, value: Value, ttlMs?: number, condition?: Condition): Promise<WriteOutcome> {
    const version = this.#versions.next();
    const storedAt = this.#clock.now;
    const life = ttlMs ?? this.#ttls[typeOf(key)]!;
    const outcome = await this.#through(key, 'set', () =>
      this.store === undefined
        ? this.#writeAlone(key, version, condition)
        : this.store.write({ key, value, version, storedAt, ttlMs: life, condition }),
    );
    if (outcome.status === 'refused') return outcome;
    if (outcome.status === 'created') this.#counters.setMisses++;
    else this.#counters.setHits++;
    this.#versions.observe(outcome.version);
    this.memory?.set(key, new Entry(key, value, outcome.version, storedAt, storedAt + life));
    return outcome;
  }

  /**
   * Deletes from L2, then from L1.
   * @throws StoreError if L2 did not do it; L1 then holds nothing for the key either
   */
  async delete(key: string, condition?: Condition): Promise<RemovalOutcome> {
    const outcome = await this.#through(key, 'delete', () =>
      this.store === undefined ? this.#removeAlone(key, condition) : this.store.remove({ key, condition }),
    );
    if (outcome.status === 'refused') return outcome;
    if (outcome.status === 'deleted') this.#counters.deleteHits++;
    else this.#counters.deleteMisses++;
    this.memory?.delete(key);
    return outcome;
  }

  /** Deletes all matching keys from both tiers; the number is L2's, or L1's where there is no L2. */
  async invalidate(match: Match): Promise<number> {
    const matches = matcher(match);
    const local = this.#forgetWhere(matches);
    if (this.store === undefined) return local;
    try {
      return await this.store.removeMatching(match);
    } finally {
      // Once more: reads that began meanwhile may have met keys that were still to be deleted.
      this.#forgetWhere(matches);
    }
  }

  /** Empties L1, and says how many entries it held. */
  forgetAll(): number {
    this.#flights.fenceWhere(() => true);
    return this.memory?.clear() ?? 0;
  }

  async #fly(key: string, flight: Flight): Promise<Loaded> {
    const { l2Hits, misses, staleHits } = this.#counters;
    try {
      const entry = await this.store?.read(key);
      if (entry === undefined || entry.expiresAt <= this.#clock.now) {
        if (!flight.fenced) this.memory?.delete(key);
        misses[typeOf(key)]! += flight.readers;
        return { entry: undefined, source: 'none' };
      }
      this.#versions.observe(entry.version);
      if (!flight.fenced) this.memory?.set(key, entry);
      l2Hits[entry.type]! += flight.readers;
      return { entry, source: 'l2' };
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const entry = this.memory?.unexpired(key);
      if (entry === undefined) {
        this.#counters.getErrors += flight.readers;
        return { entry, source: 'unknown', fault: error };
      }
      staleHits[entry.type]! += flight.readers;
      return { entry, source: 'l1-stale', fault: error };
    }
  }

  /**
   * Runs a change of L2. When its answer is there, and also when it failed and nobody knows whether it took
   * effect, the reads that were on their way during it may bring the value of before: they are fenced.
   */
  async #through<T>(key: string, operation: 'set' | 'delete', change: () => T | Promise<T>): Promise<T> {
    try {
      const outcome = await change();
      this.#flights.fence(key);
      return outcome;
    } catch (error) {
      if (operation === 'set') this.#counters.setErrors++;
      else this.#counters.deleteErrors++;
      this.#flights.fence(key);
      this.memory?.delete(key);
      throw error;
    }
  }

  #forgetWhere(matches: (key: string) => boolean): number {
    this.#flights.fenceWhere(matches);
    return this.memory?.deleteWhere(matches) ?? 0;
  }

  #writeAlone(key: string, version: Version, condition: Condition | undefined): WriteOutcome {
    const present = this.memory?.unexpired(key)?.version;
    if (!holds(condition, present)) return { status: 'refused', version: present };
    return { status: present === undefined ? 'created' : 'replaced', version };
  }

  #removeAlone(key: string, condition: Condition | undefined): RemovalOutcome {
    const present = this.memory?.unexpired(key)?.version;
    if (!holds(condition, present)) return { status: 'refused', version: present };
    return { status: present === undefined ? 'absent' : 'deleted' };
  }
}

/** Whether a condition holds of what is stored. */
function holds(condition: Condition | undefined, present: Version | undefined): boolean {
  switch (condition?.is) {
    case undefined:
      return true;
    case 'if-absent':
      return present === undefined;
    case 'if-exists':
      return present !== undefined;
    case 'if-version':
      return condition.versions.includes(present ?? NO_VERSION);
    case 'unless-version':
      return !condition.versions.includes(present ?? NO_VERSION);
  }
}
