import { typeOf } from '../key.ts';
import type { Counters } from '../metrics/counters.ts';
import {
  type Announced,
  type BusListener,
  type ChangeListener,
  type CoherenceState,
  lesserState,
  type Reason,
} from './bus.ts';
import type { Clock } from './clock.ts';
import { Coherence, Source } from './coherence.ts';
import type { TwoLevelDeps } from './deps.ts';
import type { Entry } from './entry.ts';
import { type Flight, Flights } from './flight.ts';
import type { Memory } from './l1/memory.ts';
import { SlotDrops } from './l1/slot-drops.ts';
import type { Loaded } from './loaded.ts';
import { EVERYTHING, type Match, matcher } from './match.ts';
import { OwnWrites } from './own-writes.ts';
import type { Pending, PendingWrites } from './pending-writes/pending-writes.ts';
import { keepMatchOrUndo, Postponer } from './pending-writes/postpone.ts';
import { ReadSampler } from './read-sampler.ts';
import { ONE_SLOT } from './slots.ts';
import { type RemovalOutcome, type Store, StoreError, type WriteOutcome } from './store.ts';
import type { Version, VersionClock } from './version.ts';
import { Writes } from './writes.ts';

/**
 * The two-level cache. A read first peeks into L1, which costs one map lookup. On a miss it loads the key from L2, with
 * one flight for each key, and fills L1 unless a change has fenced the flight. `writes.ts` makes the changes.
 */
export class TwoLevel implements BusListener {
  readonly memory: Memory | undefined;
  readonly store: Store | undefined;
  readonly #deps: TwoLevelDeps;
  readonly #clock: Clock;
  readonly #versions: VersionClock;
  readonly #counters: Counters;
  readonly #flights: Flights<Loaded>;
  readonly #ownWrites = new OwnWrites();
  readonly #postponer: Postponer | undefined;
  readonly #writes: Writes;
  readonly #coherence: Coherence;
  /** Owns every slot that no other source owns. */
  readonly #source: Source;
  readonly #slotDrops: SlotDrops | undefined;
  readonly #sampler: ReadSampler;
  /** Notifies clients of changes. */
  changes: ChangeListener | undefined;

  constructor(deps: TwoLevelDeps) {
    this.#deps = deps;
    const { memory, store, clock, versions, counters, pendingWrites, linked = false } = deps;
    this.memory = memory;
    this.store = store;
    this.#clock = clock;
    this.#versions = versions;
    this.#counters = counters;
    this.#flights = new Flights(counters);
    this.#sampler = new ReadSampler(deps.onSampledRead);
    this.#source = new Source(undefined, linked ? 'blind' : 'off');
    this.#coherence = new Coherence(deps.slots ?? ONE_SLOT, memory, this.#source);
    this.#slotDrops = memory && new SlotDrops(memory);
    // Without L2 an evicted value is lost, so clients are notified. With L2, the link reports when a value expires.
    if (memory !== undefined && store === undefined)
      memory.onGone = (key, reason) => this.changes?.removed(key, reason);
    this.#writes = new Writes({
      ...deps,
      flights: this.#flights,
      ownWrites: this.#ownWrites,
      postponer: () => this.#postponer,
      changes: () => this.changes,
    });
    if (pendingWrites !== undefined && store !== undefined)
      this.#postponer = new Postponer(
        { pendingWrites, store, clock },
        {
          write: (replayed) => this.#writes.replay(replayed),
          forget: ({ match, version }) => this.#forgetWhere(matcher(match), version),
          serverOf: (key) => this.#coherence.ownerOf(key),
        },
        () => counters.countLimited('pending_writes_share'),
      );
  }

  /** What a reader may rely on now for every key: the worst state of all servers of L2. */
  get coherence(): CoherenceState {
    return this.#coherence.state;
  }

  /** What a reader of the key may rely on: the state of the server of L2 that owns it. */
  stateOf(key: string): CoherenceState {
    return this.#coherence.ownerOf(key).state;
  }

  /** The time that deadlines are compared with, in ms since 1970. */
  get now(): number {
    return this.#clock.now;
  }

  /** Returns the entry if L1 has it fresh. It is synchronous, and all that runs on a hit. */
  peek(key: string): Entry | undefined {
    const entry = this.memory?.fresh(key);
    if (entry === undefined) return undefined;
    this.#counters.l1Hits[entry.type]!++;
    this.#sampler.read(key);
    return entry;
  }

  /** Reads the key after `peek` missed: from L2, or the stale entry of L1 if L2 does not answer. */
  load(key: string): Promise<Loaded> {
    this.#counters.l1Misses[typeOf(key)]!++;
    this.#sampler.read(key);
    const pending = this.#postponer?.answerFor(key);
    if (pending !== undefined) return Promise.resolve(this.#fromPendingWrites(key, pending.entry));
    return this.#flights.join(key, 1, true, (flight) => this.#fly(key, flight));
  }

  /**
   * Reads the key from L2 for a push or a warm-up. It is not counted as a read, and does not change the LRU order.
   * @param fill whether the entry may enter L1
   */
  refresh(key: string, fill = true): Promise<Loaded> {
    const pending = this.#postponer?.answerFor(key);
    if (pending !== undefined)
      return Promise.resolve(this.#marked(key, { entry: pending.entry, source: 'pending' }));
    return this.#flights.join(key, 0, fill, (flight) => this.#fly(key, flight));
  }

  /** As `refresh`, but answers from L1 where the entry is fresh, and does not fill L1. */
  async look(key: string): Promise<Loaded> {
    const entry = this.memory?.glance(key);
    return entry === undefined ? this.refresh(key, false) : { entry, source: 'l1' };
  }

  /** `peek`, then `load`. */
  async get(key: string): Promise<Loaded> {
    const entry = this.peek(key);
    return entry === undefined ? this.load(key) : { entry, source: 'l1' };
  }

  /** See `Writes.set`. */
  set(...change: Parameters<Writes['set']>): Promise<WriteOutcome> {
    return this.#writes.set(...change);
  }

  /** See `Writes.delete`. */
  delete(...change: Parameters<Writes['delete']>): Promise<RemovalOutcome> {
    return this.#writes.delete(...change);
  }

  /**
   * Deletes all matching keys from both tiers, as of now: values that are written while it runs stay.
   * @param stopped whether to end the deletion, because nobody waits for it
   * @returns the number of keys deleted from L2 (without L2, from L1); undefined where the deletion is pending
   * @throws StoreError after `stopped` returned true; some keys may be deleted then
   */
  async invalidate(match: Match, stopped?: () => boolean): Promise<number | undefined> {
    const { store } = this;
    const matches = matcher(match);
    const reason = match === EVERYTHING ? 'flush' : 'delete';
    const version = this.#versions.next();
    const local = this.#forgetWhere(matches, version, false);
    const undo = this.#postponer?.deletingWhere(matches, version);
    let removed: number | undefined = local;
    let made = false;
    try {
      if (store !== undefined) removed = await store.removeMatching(match, version, stopped);
      made = true;
    } catch (error) {
      keepMatchOrUndo(this.#postponer, { match, version }, error, undo);
      removed = undefined;
    } finally {
      // Once more, because reads that began meanwhile may have returned values that were not deleted yet.
      if (store !== undefined) this.#forgetWhere(matches, version, made);
    }
    this.changes?.matchRemoved(match, reason);
    return removed;
  }

  /** The pending writes; undefined where this cache does not keep any. */
  get pendingWrites(): PendingWrites | undefined {
    return this.#postponer?.pendingWrites;
  }

  /** Returns the matching keys that have a pending value. L2 does not list them yet. */
  pendingKeys(matches: (key: string) => boolean): string[] {
    const pending = [...(this.pendingWrites?.pending() ?? [])];
    return pending.filter(({ key, entry }) => entry !== undefined && matches(key)).map(({ key }) => key);
  }

  /** Replays the pending writes into L2. Settles when all are made, or when L2 does not answer. */
  async replay(): Promise<void> {
    await this.#postponer?.replay();
  }

  /** Empties L1, and returns how many entries it had. Without L2 the values are lost, so clients are notified. */
  forgetAll(): number {
    this.#flights.fenceWhere(() => true);
    this.#ownWrites.touchWhere(() => true);
    const forgotten = this.memory?.clear() ?? 0;
    if (this.store === undefined) this.changes?.reset('flush');
    return forgotten;
  }

  /** The clock was stepped by `ms`. Pending writes are moved by the same amount, and L1 is emptied. */
  clockStepped(ms: number): void {
    this.#versions.stepped();
    this.pendingWrites?.move(ms);
    // New stamps must be greater than those of the pending writes, also after a step back.
    for (const version of this.pendingWrites?.versions() ?? []) this.#versions.observe(version);
    this.forgetAll();
  }

  keyChanged(key: string, announced: Announced | undefined): void {
    const version = announced?.version;
    if (version !== undefined) this.#versions.observe(version);
    this.#flights.fence(key);
    const inFlight = this.#ownWrites.touch(key, version);
    this.#yields(this.#postponer?.keyChanged(key, version), version);
    const cached = this.memory?.cached(key);
    this.#deps.recent?.keyChanged(key, announced, cached);
    this.memory?.delete(key);
    // An own write in flight notifies the clients when it is answered.
    if (!inFlight) this.changes?.changed(key, announced, cached);
  }

  matchDeleting(match: Match, version: Version): void {
    const matches = matcher(match);
    this.#versions.observe(version);
    this.pendingWrites?.hold(matches, version);
    this.#forgetWhere(matches, version, false);
  }

  matchFailed(version: Version): void {
    this.pendingWrites?.release(version);
    // Replay now, not at the next retry: a deletion that restarts every second could block each retry.
    void this.replay();
  }

  matchChanged(match: Match, reason: Reason, version?: Version): void {
    const matches = matcher(match);
    let yielding: Pending[] = [];
    if (version !== undefined) {
      this.#versions.observe(version);
      yielding = this.#postponer?.matchChanged(matches, version) ?? [];
      for (const pending of yielding) this.#yields(pending, version);
    }
    this.#deps.recent?.manyChanged(matches, reason, version);
    this.#forgetWhere(matches, version);
    this.changes?.matchRemoved(match, reason);
    // L2 may have a value that is newer than the deletion. The pending change has hidden it from clients.
    for (const { key } of yielding) this.changes?.changed(key, undefined, undefined);
  }

  /** @param source the server of L2 whose keys may have changed */
  allChanged(reason: 'flush' | 'rearmed', keysLeft?: number, source: Source = this.#source): void {
    const { memory } = this;
    this.#deps.recent?.manyChanged(this.#coherence.keysOf(source), reason);
    // Few keys also mean data loss: pending writes and canaries may have been written before this call.
    if (this.#deps.rewarm && keysLeft !== undefined && memory !== undefined) {
      const slots = this.#coherence.slotsOf(source);
      if (keysLeft < memory.countOf(slots) / 2) this.#postponer?.keepAll(memory.unexpiredEntries(slots));
    }
    if (source === this.#source) this.forgetAll();
    else this.#forgetSlots(this.#coherence.slotsOf(source));
    // That the link is armed again is reported when the state becomes coherent: L2 may not answer yet, and a snapshot
    // taken now would have gaps. After a flush clients must read again, because it may have been of another database.
    if (reason === 'flush') this.changes?.reset('rearmed');
  }

  /** @param source the server of L2 whose state has changed */
  stateChanged(state: CoherenceState, source: Source = this.#source): void {
    const worstChanged = this.#coherence.changed(source, state);
    this.#deps.onState?.(state, source.name);
    if (state !== 'blind') void this.replay();
    if (worstChanged) this.#resetClients();
  }

  /**
   * The source owns these slots of L2 from now on. L1 drops their entries: it may have missed changes of a slot that
   * moved. While the source is not coherent, L1 keeps them as a fallback until its link is armed.
   */
  assignSlots(source: Source, slots: ReadonlySet<number>): void {
    const worstChanged = this.#coherence.assign(source, slots);
    if (lesserState(source.state) === undefined) this.#forgetSlots(slots);
    if (worstChanged) this.#resetClients();
  }

  /** A read of the key does not fill L1, because L1 would not be notified of changes. */
  fence(key: string): void {
    this.#flights.fence(key);
  }

  #resetClients(): void {
    const { coherence } = this;
    this.changes?.reset(lesserState(coherence) ?? 'rearmed');
  }

  #forgetSlots(slots: ReadonlySet<number>): void {
    const within = (key: string) => slots.has(this.#deps.slots!.of(key));
    this.#flights.fenceWhere(within);
    this.#ownWrites.touchWhere(within);
    this.#slotDrops?.add(slots);
  }

  async #fly(key: string, flight: Flight): Promise<Loaded> {
    const { l2Hits, misses, staleHits } = this.#counters;
    try {
      const stored = await this.store?.read(key);
      const valid = stored !== undefined && stored.expiresAt > this.#clock.now;
      const deleted = valid && (this.#postponer?.overrules(key, stored) ?? false);
      const entry = valid && !deleted ? stored : undefined;
      const kept = this.#land(key, flight, entry);
      if (entry === undefined) {
        misses[typeOf(key)]! += flight.readers;
        if (flight.readers > 0) this.#deps.onMiss?.(key);
        return this.#marked(key, { entry, source: deleted ? 'pending' : 'none' });
      }
      l2Hits[entry.type]! += flight.readers;
      return this.#marked(key, { entry, source: 'l2', kept });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const entry = this.memory?.unexpired(key);
      if (entry === undefined) {
        this.#counters.getErrors += flight.readers;
        return this.#marked(key, { entry, source: 'unknown', fault: error });
      }
      staleHits[entry.type]! += flight.readers;
      return this.#marked(key, { entry, source: 'l1-stale', fault: error });
    }
  }

  #fromPendingWrites(key: string, entry: Entry | undefined): Loaded {
    const { staleHits, misses } = this.#counters;
    if (entry === undefined) misses[typeOf(key)]!++;
    else staleHits[entry.type]!++;
    return this.#marked(key, { entry, source: 'pending' });
  }

  /** Adds the state of the key's server where answers must name it. */
  #marked(key: string, loaded: Loaded): Loaded {
    const lesser = lesserState(this.stateOf(key));
    return lesser === undefined ? loaded : { ...loaded, lesser };
  }

  /**
   * Puts the entry of a flight into L1, unless the flight was fenced. A fenced flight still updates L1 in one way: L2
   * answers in order, so an entry of L1 with another version is older. L1 drops it, because a reader that has just seen
   * the answer must not see the older entry next.
   * @returns whether L1 has stored the entry
   */
  #land(key: string, flight: Flight, entry: Entry | undefined): boolean {
    if (entry !== undefined) this.#versions.observe(entry.version);
    const { memory } = this;
    if (memory === undefined || this.store === undefined) return false;
    const welcome = entry !== undefined && flight.fill && !flight.fenced;
    if (welcome) memory.set(entry);
    else memory.deleteUnless(key, entry?.version);
    return welcome;
  }

  /** Counts and reports a pending change that yielded, unless `version` is its own: then it had been made already. */
  #yields(pending: Pending | undefined, version: Version | undefined): void {
    if (pending === undefined || version === pending.version) return;
    this.#counters.supersededChanges++;
    this.#deps.onSuperseded?.(pending.key, pending.version, version);
  }

  /**
   * Drops matching entries from L1, and fences their flights.
   * @param version entries of this or a newer version stay; undefined drops all
   * @param made whether L2 has made the deletion
   */
  #forgetWhere(matches: (key: string) => boolean, version: Version | undefined, made = true): number {
    this.#flights.fenceWhere(matches);
    this.#ownWrites.touchWhere(matches, made ? version : undefined);
    const older = (entry: Entry) => version === undefined || entry.version < version;
    return this.memory?.deleteWhere((entry) => matches(entry.key) && older(entry)) ?? 0;
  }
}
