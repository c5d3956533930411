import { ServiceError } from '../errors.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Announced, BusListener, ChangeListener, CoherenceState, Reason } from './bus.ts';
import type { Clock } from './clock.ts';
import { type Condition, holds } from './condition.ts';
import { Confirmations } from './confirmations.ts';
import { Entry, type Value } from './entry.ts';
import { type Flight, Flights } from './flight.ts';
import type { Journal } from './journal.ts';
import { typeOf } from './key.ts';
import type { Loaded } from './loaded.ts';
import { EVERYTHING, type Match, matcher } from './match.ts';
import type { Memory } from './memory.ts';
import { type Meanwhile, NOTHING, OwnWrites } from './own-writes.ts';
import type { Change, TwoLevelParts } from './parts.ts';
import { Postponer } from './postpone.ts';
import type { Replayed } from './replay.ts';
import { type RemovalOutcome, type Store, StoreError, type WriteOutcome } from './store.ts';
import type { Version, VersionClock } from './version.ts';

/**
 * The algorithm. A read peeks into L1, which costs a map look-up; what L1 cannot answer is loaded from L2, one
 * flight a key, and put into L1 unless the flight was fenced meanwhile. A write goes to L2 first and into L1
 * when L2 has it, so L1 never holds what L2 has not accepted.
 */
export class TwoLevel implements BusListener {
  readonly memory: Memory | undefined;
  readonly store: Store | undefined;
  readonly #parts: TwoLevelParts;
  readonly #clock: Clock;
  readonly #versions: VersionClock;
  readonly #counters: Counters;
  readonly #flights: Flights<Loaded>;
  readonly #ownWrites = new OwnWrites();
  readonly #postponer: Postponer | undefined;
  readonly #confirmations: Confirmations | undefined;
  #coherence: CoherenceState;
  /** Who passes changes on to clients. */
  changes: ChangeListener | undefined;

  constructor(parts: TwoLevelParts) {
    this.#parts = parts;
    this.memory = parts.memory;
    this.store = parts.store;
    this.#clock = parts.clock;
    this.#versions = parts.versions;
    this.#counters = parts.counters;
    this.#flights = new Flights(parts.counters);
    const { memory, store, counters, journal, linked = false } = parts;
    if (journal !== undefined && store !== undefined)
      this.#postponer = new Postponer(journal, store, parts.clock, (replayed) => this.#replayed(replayed));
    this.#coherence = linked ? 'blind' : 'off';
    if (memory !== undefined) memory.trusted = !linked;
    // Without L2 what L1 gives up is lost; with it, L2 says when a value is over.
    if (memory !== undefined && store === undefined)
      memory.onGone = (key, reason) => this.changes?.removed(key, reason);
    if (memory !== undefined && store !== undefined)
      this.#confirmations = new Confirmations(memory, store, counters, (key, announced) =>
        this.changes?.changed(key, announced, undefined),
      );
  }

  /** What a reader may rely on now. */
  get coherence(): CoherenceState {
    return this.#coherence;
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
    const waiting = this.#postponer?.truth(key);
    if (waiting !== undefined) return Promise.resolve(this.#fromJournal(key, waiting.entry));
    return this.#flights.join(key, 1, (flight) => this.#fly(key, flight));
  }

  /** As `load`, without counting as a read: for what nobody has asked for. */
  refresh(key: string): Promise<Loaded> {
    const waiting = this.#postponer?.truth(key);
    if (waiting !== undefined) return Promise.resolve({ entry: waiting.entry, source: 'journal' });
    return this.#flights.join(key, 0, (flight) => this.#fly(key, flight));
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
   * @throws ServiceError if L2 did not take it and it was not kept either; L1 then holds nothing for the key
   */
  async set(key: string, value: Value, ttlMs?: number, condition?: Condition): Promise<WriteOutcome> {
    const { store } = this;
    const version = this.#versions.next();
    const storedAt = this.#clock.now;
    const life = ttlMs ?? this.#parts.ttls[typeOf(key)]!;
    const makeEntry = (as: Version) => new Entry(key, value, as, storedAt, storedAt + life);
    if (store === undefined) {
      const present = this.memory!.unexpired(key)?.version;
      if (!holds(condition, present)) return { status: 'refused', version: present };
      const outcome = { status: present === undefined ? 'created' : 'replaced', version } as const;
      return this.#stored(key, outcome, makeEntry(version), NOTHING);
    }
    this.#postponer?.checkCondition(key, condition);
    const write = { key, value, version, storedAt, ttlMs: life, condition };
    return this.#through<WriteOutcome>(key, 'set', {
      change: () => store.write(write),
      done: (outcome, meanwhile) => {
        if (outcome.status === 'refused') return this.#refused(key, outcome, meanwhile);
        const newest = this.#postponer?.settled(key, version) ?? true;
        this.#versions.observe(outcome.version);
        this.#stored(key, outcome, makeEntry(outcome.version), meanwhile);
        // What came after it was not taken, and waits in the journal.
        if (!newest) this.memory?.delete(key);
        return outcome;
      },
      postpone: (error) => {
        const entry = makeEntry(version);
        const status = this.#postponer?.keep({ key, version, entry }, error, condition);
        return status && this.#stored(key, { status, version }, entry, NOTHING);
      },
    });
  }

  /**
   * Deletes from L2, then from L1.
   * @throws ServiceError if L2 did not do it and it was not kept either; L1 then holds nothing for the key
   */
  async delete(key: string, condition?: Condition): Promise<RemovalOutcome> {
    const { store } = this;
    if (store === undefined) {
      const present = this.memory!.unexpired(key)?.version;
      if (!holds(condition, present)) return { status: 'refused', version: present };
      return this.#removed(key, { status: present === undefined ? 'absent' : 'deleted' }, NOTHING);
    }
    this.#postponer?.checkCondition(key, condition);
    const version = this.#versions.next();
    if (condition === undefined) this.#postponer?.deleting(key, version);
    return this.#through<RemovalOutcome>(key, 'delete', {
      change: () => store.remove({ key, version, condition }),
      done: (outcome, meanwhile) => {
        if (outcome.status === 'refused') return this.#refused(key, outcome, meanwhile);
        this.#postponer?.settled(key, version);
        return this.#removed(key, outcome, meanwhile);
      },
      postpone: (error) => {
        const status = this.#postponer?.keep({ key, version, entry: undefined }, error, condition);
        return status && this.#removed(key, { status }, NOTHING);
      },
    });
  }

  /**
   * Deletes all matching keys from both tiers.
   * @returns how many there were in L2, or in L1 where there is no L2; undefined where L2 has still to do it
   */
  async invalidate(match: Match): Promise<number | undefined> {
    const { store } = this;
    const matches = matcher(match);
    const reason = match === EVERYTHING ? 'flush' : 'delete';
    const version = this.#versions.next();
    const local = this.#forgetWhere(matches);
    this.#postponer?.deletingWhere(matches, version);
    try {
      return store === undefined ? local : await store.removeMatching(match);
    } catch (error) {
      if (this.#postponer?.keepMatch({ match, version }, error) === undefined) throw error;
      return undefined;
    } finally {
      // Once more: reads that began meanwhile may have met keys that were still to be deleted.
      if (store !== undefined) this.#forgetWhere(matches);
      this.changes?.matchRemoved(match, reason);
    }
  }

  /** The changes that L2 has still to be told of; undefined where none are kept. */
  get journal(): Journal | undefined {
    return this.#postponer?.journal;
  }

  /** L2 may be back: makes there what waits. Settles when it is done, or cannot go on. */
  async replay(): Promise<void> {
    await this.#postponer?.replay();
  }

  /** Empties L1, and says how many entries it held; without L2 they are lost, and clients are told. */
  forgetAll(): number {
    this.#flights.fenceWhere(() => true);
    this.#ownWrites.touchWhere(() => true);
    const forgotten = this.memory?.clear() ?? 0;
    if (this.store === undefined) this.changes?.reset('flush');
    return forgotten;
  }

  keyChanged(key: string, announced: Announced | undefined): void {
    if (announced?.version !== undefined) this.#versions.observe(announced.version);
    this.#flights.fence(key);
    const underWay = this.#ownWrites.touch(key);
    const held = this.memory?.held(key);
    // It may be the echo of the write that L1 holds; its write told the clients of it.
    if (held?.own && this.#confirmations !== undefined) return this.#confirmations.ask(key, held, announced);
    this.memory?.delete(key);
    if (!underWay) this.changes?.changed(key, announced, held);
  }

  matchChanged(match: Match, reason: Reason): void {
    this.#forgetWhere(matcher(match));
    this.changes?.matchRemoved(match, reason);
  }

  allChanged(reason: 'flush' | 'rearmed', keysLeft?: number): void {
    const { memory } = this;
    // Not only if there are none: what waited in a journal, and canaries, may have come before this.
    if (this.#parts.rewarm && keysLeft !== undefined && memory !== undefined && keysLeft < memory.size / 2)
      this.#postponer?.keepAll(memory.unexpiredEntries());
    this.forgetAll();
    // That the link is armed again is told to clients when the state is coherent again: a snapshot that they
    // asked for before might have gaps, for L2 may not answer yet.
    if (reason === 'flush') this.changes?.reset(reason);
  }

  stateChanged(state: CoherenceState): void {
    this.#coherence = state;
    this.#parts.onState?.(state);
    if (this.memory !== undefined) this.memory.trusted = state === 'coherent' || state === 'off';
    if (state === 'coherent' || state === 'degraded') void this.replay();
    if (state !== 'off') this.changes?.reset(state === 'coherent' ? 'rearmed' : state);
  }

  async #fly(key: string, flight: Flight): Promise<Loaded> {
    const { l2Hits, misses, staleHits } = this.#counters;
    try {
      const stored = await this.store?.read(key);
      const valid = stored !== undefined && stored.expiresAt > this.#clock.now;
      const entry = valid && !this.#postponer?.overrules(key, stored) ? stored : undefined;
      const kept = this.#land(key, flight, entry);
      if (entry === undefined) {
        misses[typeOf(key)]! += flight.readers;
        if (flight.readers > 0) this.#parts.onMiss?.(key);
        return { entry, source: 'none' };
      }
      l2Hits[entry.type]! += flight.readers;
      return { entry, source: 'l2', kept };
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
   * What a flight brought goes into L1, unless the flight was fenced. But even then it is news: the answers of
   * L2 come in the order of its doings, so if L1 holds something else, that is older, and a reader who has
   * just seen this must not see that next. Says whether L1 holds the entry now.
   */
  #land(key: string, flight: Flight, entry: Entry | undefined): boolean {
    if (entry !== undefined) this.#versions.observe(entry.version);
    this.#ownWrites.landed(key, entry?.version);
    const { memory } = this;
    if (memory === undefined || this.store === undefined) return false;
    const welcome = entry !== undefined && !flight.fenced;
    if (welcome) memory.set(entry);
    else if (memory.held(key)?.version !== entry?.version) memory.delete(key);
    return welcome;
  }

  /**
   * Runs a change of L2, and `done` with its outcome and with what came to the key meanwhile. When the answer is
   * there, and also when it failed and nobody knows whether it took effect, the reads that were on their way may
   * bring the value of before: they are fenced. `done` runs with the fence, without a turn in between, for what
   * lands after the fence expects to find what the change left. So does `postpone` after a failure; what it
   * gives is the outcome then, and undefined where the failure stands.
   */
  async #through<T>(
    key: string,
    operation: 'set' | 'delete',
    { change, done, postpone }: Change<T>,
  ): Promise<T> {
    this.#ownWrites.begin(key);
    let outcome: T;
    try {
      outcome = await change();
    } catch (error) {
      this.#ownWrites.end(key);
      this.#flights.fence(key);
      this.memory?.delete(key);
      try {
        const postponed = postpone(error);
        if (postponed !== undefined) return postponed;
      } catch (full) {
        throw this.#failed(key, operation, full);
      }
      throw this.#failed(key, operation, error);
    }
    this.#flights.fence(key);
    return done(outcome, this.#ownWrites.end(key));
  }

  /** A change failed for good: what its caller is told. */
  #failed(key: string, operation: 'set' | 'delete', error: unknown): unknown {
    if (operation === 'set') this.#counters.setErrors++;
    else this.#counters.deleteErrors++;
    this.changes?.changed(key, undefined, undefined);
    if (!(error instanceof StoreError) || error.reason !== 'timeout') return error;
    return new ServiceError('write_unknown', error.message, undefined, { cause: error });
  }

  /** A change of the journal, made in L2 at last, where L2 may hold something newer by now. */
  async #replayed({ key, change, done }: Replayed): Promise<void> {
    this.#ownWrites.begin(key);
    let refused: boolean;
    let touched: boolean;
    try {
      refused = (await change()).status === 'refused';
      done?.();
    } finally {
      this.#flights.fence(key);
      touched = this.#ownWrites.end(key).touched;
    }
    // Whatever came meanwhile was not told, or was told of what the journal held.
    if (refused) this.memory?.delete(key);
    if (refused || touched) this.changes?.changed(key, undefined, undefined);
  }

  #fromJournal(key: string, entry: Entry | undefined): Loaded {
    const { staleHits, misses } = this.#counters;
    if (entry === undefined) misses[typeOf(key)]!++;
    else staleHits[entry.type]!++;
    return { entry, source: 'journal' };
  }

  #stored(key: string, outcome: WriteOutcome, entry: Entry, { touched, seen }: Meanwhile): WriteOutcome {
    if (outcome.status === 'created') this.#counters.setMisses++;
    else if (outcome.status === 'replaced') this.#counters.setHits++;
    else this.#counters.postponed++;
    this.changes?.stored(key, entry);
    // A read has brought what came after this write, and L1 is as that read left it.
    const overtaken = seen > entry.version;
    if (!overtaken) {
      this.memory?.set(entry);
      // There is an echo to come where there is a link; if none comes, nothing is lost by expecting it.
      entry.own = this.store !== undefined;
    }
    if (!overtaken && touched && this.#confirmations !== undefined) this.#confirmations.ask(key, entry);
    else if (overtaken || touched) this.changes?.changed(key, undefined, undefined);
    return outcome;
  }

  #removed(key: string, outcome: RemovalOutcome, { touched }: Meanwhile): RemovalOutcome {
    if (outcome.status === 'deleted') this.#counters.deleteHits++;
    else if (outcome.status === 'absent') this.#counters.deleteMisses++;
    else this.#counters.postponed++;
    this.memory?.delete(key);
    this.changes?.removed(key, 'delete');
    // It may have been the echo of this, or of a write that came after.
    if (touched) this.changes?.changed(key, undefined, undefined);
    return outcome;
  }

  /** A condition did not hold: where L1 holds another version than L2 said, it is out of date. */
  #refused<T extends { readonly version: Version | undefined }>(
    key: string,
    outcome: T,
    { touched }: Meanwhile,
  ): T {
    if (this.memory?.held(key)?.version !== outcome.version) this.memory?.delete(key);
    // The link told of somebody's write, and clients were not told because this one was under way.
    if (touched) this.changes?.changed(key, undefined, undefined);
    return outcome;
  }

  #forgetWhere(matches: (key: string) => boolean): number {
    this.#flights.fenceWhere(matches);
    this.#ownWrites.touchWhere(matches);
    return this.memory?.deleteWhere(matches) ?? 0;
  }
}
