import { typeOf } from '../key.ts';
import type { Dependents } from './dependencies/dependents.ts';
import type { TwoLevelDeps } from './deps.ts';
import type { Entry } from './entry.ts';
import type { Flight, Flights } from './flight.ts';
import type { Loaded } from './loaded.ts';
import type { Postponer } from './pending-writes/postpone.ts';
import type { Quality } from './quality/quality.ts';
import { StoreError } from './store.ts';

type Shared = 'memory' | 'store' | 'clock' | 'versions' | 'counters' | 'onMiss';

/** The parts that reads share with the rest of the two-level cache. */
export interface L2ReadsDeps extends Pick<TwoLevelDeps, Shared> {
  readonly flights: Flights<Loaded>;
  readonly postponer: () => Postponer | undefined;
  readonly dependents: () => Dependents | undefined;
  readonly quality: Pick<Quality, 'learn'>;
  /** Adds the state of the key's server where answers must name it. */
  readonly marked: (key: string, loaded: Loaded) => Loaded;
}

/** Reads that L1 does not answer: from L2, from the pending writes, or from L1 where L2 does not answer. */
export class L2Reads {
  readonly #deps: L2ReadsDeps;

  constructor(deps: L2ReadsDeps) {
    this.#deps = deps;
  }

  /**
   * Reads the key from L2 for all readers of a flight, and fills L1 unless a change has fenced the flight. It is not
   * `async`: a read of L2 costs one promise of the store, and this one.
   */
  fly(key: string, flight: Flight): Promise<Loaded> {
    const { store, quality } = this.#deps;
    const learning = quality.learn?.();
    const read =
      store === undefined
        ? Promise.resolve(undefined)
        : learning === undefined
          ? store.read(key, flight.span)
          : learning.then(() => store.read(key, flight.span));
    return read.then(
      (stored) => this.#answered(key, flight, stored),
      (error: unknown) => this.#failed(key, flight, error),
    );
  }

  #answered(key: string, flight: Flight, stored: Entry | undefined): Loaded | Promise<Loaded> {
    const { clock, postponer, flights } = this.#deps;
    let checking: Promise<string | undefined> | undefined;
    try {
      const valid = stored !== undefined && stored.expiresAt > clock.now;
      const deleted = valid && (postponer()?.overrules(key, stored) ?? false);
      const found = valid && !deleted ? stored : undefined;
      checking = this.#outdatingInput(key, found);
      return checking === undefined
        ? this.#landed(key, flight, found, deleted, undefined)
        : this.#checked(key, flight, found, deleted, checking);
    } finally {
      if (checking === undefined) flights.landed(key, flight);
    }
  }

  /** The flight stays open until its inputs are checked, so that a change fences it. */
  async #checked(
    key: string,
    flight: Flight,
    found: Entry | undefined,
    deleted: boolean,
    checking: Promise<string | undefined>,
  ): Promise<Loaded> {
    try {
      return this.#landed(key, flight, found, deleted, await checking);
    } catch (error) {
      return this.#failed(key, flight, error);
    } finally {
      this.#deps.flights.landed(key, flight);
    }
  }

  /** @param input an input that forbids to serve the value */
  #landed(
    key: string,
    flight: Flight,
    found: Entry | undefined,
    deleted: boolean,
    input: string | undefined,
  ): Loaded {
    const { counters, marked, onMiss } = this.#deps;
    const entry = input === undefined ? found : undefined;
    const kept = this.#land(key, flight, entry);
    if (entry === undefined) {
      counters.misses[typeOf(key)]! += flight.readers;
      if (flight.readers > 0) onMiss?.(key);
      if (input !== undefined) return this.#outdated(key, input, flight.readers);
      return marked(key, { entry, source: deleted ? 'pending' : 'none' });
    }
    counters.l2Hits[entry.type]! += flight.readers;
    return marked(key, { entry, source: 'l2', kept });
  }

  #failed(key: string, flight: Flight, error: unknown): Loaded {
    const { memory, counters, dependents, marked, flights } = this.#deps;
    flights.landed(key, flight);
    if (!(error instanceof StoreError)) throw error;
    // Changes of the inputs of a dependent may be unknown now.
    const entry = dependents()?.isDependent(key) ? undefined : memory?.unexpired(key);
    if (entry === undefined) {
      counters.getErrors += flight.readers;
      return marked(key, { entry, source: 'unknown', fault: error });
    }
    counters.staleHits[entry.type]! += flight.readers;
    return marked(key, { entry, source: 'l1-stale', fault: error });
  }

  /** Answers with a pending change. A pending value is compared with the changes of its inputs that are known. */
  pending(key: string, entry: Entry | undefined): Loaded {
    const input = entry && this.#deps.dependents()?.outdates(entry);
    if (input !== undefined) return this.#outdated(key, input, 1);
    return this.#deps.marked(key, { entry, source: 'pending' });
  }

  /** As `pending`, and counts it as a read. */
  countedPending(key: string, entry: Entry | undefined): Loaded {
    const { staleHits, misses } = this.#deps.counters;
    const loaded = this.pending(key, entry);
    if (loaded.entry === undefined) misses[typeOf(key)]!++;
    else staleHits[loaded.entry.type]!++;
    return loaded;
  }

  /** Reads an input from L2 for the comparison with its dependents. A pending change of it counts. */
  async input(key: string): Promise<Entry | undefined> {
    const { store, clock, postponer } = this.#deps;
    const pending = postponer()?.answerFor(key);
    if (pending !== undefined) return pending.entry;
    const stored = await store?.read(key);
    if (stored === undefined || stored.expiresAt <= clock.now) return undefined;
    return postponer()?.overrules(key, stored) ? undefined : stored;
  }

  /** Returns an input that forbids to serve the value. Without L2, L1 has a value that it did not serve for this reason. */
  #outdatingInput(key: string, found: Entry | undefined): Promise<string | undefined> | undefined {
    const { store, memory, dependents } = this.#deps;
    const candidate = store === undefined ? memory?.unexpired(key) : found;
    return candidate && dependents()?.concerns(candidate) ? dependents()!.check(candidate) : undefined;
  }

  #outdated(key: string, input: string, readers: number): Loaded {
    const { counters, marked } = this.#deps;
    counters.outdatedDependents += readers;
    return marked(key, { entry: undefined, source: 'none', outdatedBy: input });
  }

  /**
   * Puts the entry of a flight into L1, unless the flight was fenced. A fenced flight still updates L1 in one way: L2
   * answers in order, so an entry of L1 with another version is older. L1 drops it, because a reader that has just seen
   * the answer must not see the older entry next.
   * @returns whether L1 has stored the entry
   */
  #land(key: string, flight: Flight, entry: Entry | undefined): boolean {
    const { memory, store, versions } = this.#deps;
    if (entry !== undefined) versions.observe(entry.version);
    if (memory === undefined || store === undefined) return false;
    const welcome = entry !== undefined && flight.fill && !flight.fenced;
    if (welcome) memory.set(entry);
    else memory.deleteUnless(key, entry?.version);
    return welcome;
  }
}
