import { typeOf } from '../key.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Announced, BusListener, ChangeListener, CoherenceState, Reason } from './bus.ts';
import type { Clock } from './clock.ts';
import type { Condition } from './condition.ts';
import type { TwoLevelDeps } from './deps.ts';
import type { Entry, Value } from './entry.ts';
import { type Flight, Flights } from './flight.ts';
import type { Memory } from './l1/memory.ts';
import type { Loaded } from './loaded.ts';
import { EVERYTHING, type Match, matcher } from './match.ts';
import { OwnWrites } from './own-writes.ts';
import type { Pending, PendingMatch, PendingWrites } from './pending-writes/pending-writes.ts';
import { Postponer } from './pending-writes/postpone.ts';
import { type RemovalOutcome, type Store, StoreError, type WriteOutcome } from './store.ts';
import type { Version, VersionClock } from './version.ts';
import { Writes } from './writes.ts';

/**
 * The algorithm. A read peeks into L1, which costs a map look-up; what L1 cannot answer is loaded from L2, one
 * flight a key, and put into L1 unless the flight was fenced meanwhile. How changes are made is in `writes.ts`.
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
  #coherence: CoherenceState;
  /** Who passes changes on to clients. */
  changes: ChangeListener | undefined;

  constructor(deps: TwoLevelDeps) {
    this.#deps = deps;
    const { memory, store, clock, versions, counters, ttls, pendingWrites, linked = false } = deps;
    this.memory = memory;
    this.store = store;
    this.#clock = clock;
    this.#versions = versions;
    this.#counters = counters;
    this.#flights = new Flights(counters);
    this.#coherence = linked ? 'blind' : 'off';
    if (memory !== undefined) memory.trusted = !linked;
    // Without L2 what L1 evicts is lost; with it, L2 reports when a value expires.
    if (memory !== undefined && store === undefined)
      memory.onGone = (key, reason) => this.changes?.removed(key, reason);
    this.#writes = new Writes({
      memory,
      store,
      clock,
      versions,
      counters,
      ttls,
      flights: this.#flights,
      ownWrites: this.#ownWrites,
      postponer: () => this.#postponer,
      changes: () => this.changes,
      onSuperseded: deps.onSuperseded,
    });
    if (pendingWrites !== undefined && store !== undefined)
      this.#postponer = new Postponer(pendingWrites, store, clock, {
        write: (replayed) => this.#writes.replay(replayed),
        forget: ({ match, version }) => this.#forgetWhere(matcher(match), version),
      });
  }

  /** What a reader may rely on now. */
  get coherence(): CoherenceState {
    return this.#coherence;
  }

  /** The time by which deadlines are judged, in ms since the epoch. */
  get now(): number {
    return this.#clock.now;
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
    const pending = this.#postponer?.truth(key);
    if (pending !== undefined) return Promise.resolve(this.#fromPendingWrites(key, pending.entry));
    return this.#flights.join(key, 1, true, (flight) => this.#fly(key, flight));
  }

  /**
   * What the key is now, for who is not a reader: a push, or a warm-up. It counts as no read, and leaves the order of
   * use alone.
   * @param fill whether what L2 holds enters L1
   */
  refresh(key: string, fill = true): Promise<Loaded> {
    const pending = this.#postponer?.truth(key);
    if (pending !== undefined) return Promise.resolve({ entry: pending.entry, source: 'pending' });
    return this.#flights.join(key, 0, fill, (flight) => this.#fly(key, flight));
  }

  /** As `refresh`, from L1 where L1 holds it fresh; what L2 holds does not enter L1. */
  async look(key: string): Promise<Loaded> {
    const entry = this.memory?.glance(key);
    return entry === undefined ? this.refresh(key, false) : { entry, source: 'l1' };
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
   * Writes to L2. L1 drops the key: only reads fill it. A change that L2 does not take becomes pending where it may be made later.
   * @param ttlMs how long the value lives; undefined for the TTL of its type
   * @throws ServiceError if L2 did not take it and it is not pending either; `ttl_invalid`
   */
  set(key: string, value: Value, ttlMs?: number, condition?: Condition): Promise<WriteOutcome> {
    return this.#writes.set(key, value, ttlMs, condition);
  }

  /**
   * Deletes from L2, then from L1.
   * @throws ServiceError if L2 did not do it and it is not pending either
   */
  delete(key: string, condition?: Condition): Promise<RemovalOutcome> {
    return this.#writes.delete(key, condition);
  }

  /**
   * Deletes all matching keys from both tiers, as of now: what is written while it runs stays.
   * @returns how many keys L2 had, or L1 where there is no L2; undefined where the deletion is pending
   */
  async invalidate(match: Match): Promise<number | undefined> {
    const { store } = this;
    const matches = matcher(match);
    const reason = match === EVERYTHING ? 'flush' : 'delete';
    const version = this.#versions.next();
    const local = this.#forgetWhere(matches, version, false);
    const undo = this.#postponer?.deletingWhere(matches, version);
    let removed: number | undefined = local;
    let made = false;
    try {
      if (store !== undefined) removed = await store.removeMatching(match, version);
      made = true;
    } catch (error) {
      removed = this.#keepMatch({ match, version }, error, undo);
    } finally {
      // Again: reads that began meanwhile may have met keys that were not deleted yet.
      if (store !== undefined) this.#forgetWhere(matches, version, made);
    }
    this.changes?.matchRemoved(match, reason);
    return removed;
  }

  /** @throws the error, or `pending_writes_full`, where the deletion failed for good; then `undo` is run */
  #keepMatch(pending: PendingMatch, error: unknown, undo: (() => void) | undefined): undefined {
    try {
      if (!this.#postponer?.keepMatch(pending, error)) throw error;
    } catch (failure) {
      undo?.();
      throw failure;
    }
  }

  /** The changes that are pending for L2; undefined where none are kept. */
  get pendingWrites(): PendingWrites | undefined {
    return this.#postponer?.pendingWrites;
  }

  /** The keys that match and have a pending value, which L2 cannot list. */
  pendingKeys(match: Match): string[] {
    const matches = matcher(match);
    const pending = [...(this.pendingWrites?.pending() ?? [])];
    return pending.filter(({ key, entry }) => entry !== undefined && matches(key)).map(({ key }) => key);
  }

  /** L2 may be reachable again: makes there what is pending. Settles when it is done, or cannot go on. */
  async replay(): Promise<void> {
    await this.#postponer?.replay();
  }

  /** Empties L1, and returns how many entries it had; without L2 they are lost, and clients are notified. */
  forgetAll(): number {
    this.#flights.fenceWhere(() => true);
    this.#ownWrites.touchWhere(() => true);
    const forgotten = this.memory?.clear() ?? 0;
    if (this.store === undefined) this.changes?.reset('flush');
    return forgotten;
  }

  /** The clock was stepped by so many ms: what was stamped and dated by it before is moved along, or dropped. */
  clockStepped(ms: number): void {
    this.#versions.stepped();
    this.pendingWrites?.move(ms);
    // Later stamps are greater than those of before, wherever the clock stands now.
    for (const { version } of [
      ...(this.pendingWrites?.pending() ?? []),
      ...(this.pendingWrites?.matches() ?? []),
    ])
      this.#versions.observe(version);
    this.forgetAll();
  }

  keyChanged(key: string, announced: Announced | undefined): void {
    const version = announced?.version;
    if (version !== undefined) this.#versions.observe(version);
    this.#flights.fence(key);
    const underWay = this.#ownWrites.touch(key, version);
    this.#yields(this.#postponer?.heard(key, version), version);
    const held = this.memory?.held(key);
    this.memory?.delete(key);
    // An own write that is under way notifies the clients when its answer is there.
    if (!underWay) this.changes?.changed(key, announced, held);
  }

  matchDeleting(match: Match, version: Version): void {
    const matches = matcher(match);
    this.#versions.observe(version);
    this.pendingWrites?.hold(matches, version);
    this.#forgetWhere(matches, version, false);
  }

  matchFailed(version: Version): void {
    this.pendingWrites?.release(version);
    // Not only at the next retry: a deletion that is tried again every second could hold that back every time.
    void this.replay();
  }

  matchChanged(match: Match, reason: Reason, version?: Version): void {
    const matches = matcher(match);
    let yielding: Pending[] = [];
    if (version !== undefined) {
      this.#versions.observe(version);
      yielding = this.#postponer?.heardMatch(matches, version) ?? [];
      for (const pending of yielding) this.#yields(pending, version);
    }
    this.#forgetWhere(matches, version);
    this.changes?.matchRemoved(match, reason);
    // L2 may hold a value that is newer than the deletion, and that the pending change has hidden from clients.
    for (const { key } of yielding) this.changes?.changed(key, undefined, undefined);
  }

  allChanged(reason: 'flush' | 'rearmed', keysLeft?: number): void {
    const { memory } = this;
    // Not only if there are none: pending changes, and canaries, may have come before this.
    if (this.#deps.rewarm && keysLeft !== undefined && memory !== undefined && keysLeft < memory.size / 2)
      this.#postponer?.keepAll(memory.unexpiredEntries());
    this.forgetAll();
    // That the link is armed again is reported to clients when the state is coherent again: a snapshot that they
    // asked for before might have gaps, for L2 may not answer yet. A flush may have been one of another database:
    // clients have to ask again.
    if (reason === 'flush') this.changes?.reset('rearmed');
  }

  stateChanged(state: CoherenceState): void {
    this.#coherence = state;
    this.#deps.onState?.(state);
    const trusted = state === 'coherent' || state === 'off';
    if (this.memory !== undefined) this.memory.trusted = trusted;
    if (state !== 'blind') void this.replay();
    this.changes?.reset(trusted ? 'rearmed' : state);
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
        return { entry, source: deleted ? 'pending' : 'none' };
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

  #fromPendingWrites(key: string, entry: Entry | undefined): Loaded {
    const { staleHits, misses } = this.#counters;
    if (entry === undefined) misses[typeOf(key)]!++;
    else staleHits[entry.type]!++;
    return { entry, source: 'pending' };
  }

  /**
   * What a flight returned goes into L1, unless the flight was fenced. But even then it is news: the answers of
   * L2 come in the order of its doings, so if L1 holds something else, that is older, and a reader who has
   * just seen this must not see that next. Returns whether L1 holds the entry now.
   */
  #land(key: string, flight: Flight, entry: Entry | undefined): boolean {
    if (entry !== undefined) this.#versions.observe(entry.version);
    const { memory } = this;
    if (memory === undefined || this.store === undefined) return false;
    const welcome = entry !== undefined && flight.fill && !flight.fenced;
    if (welcome) memory.set(entry);
    else if (memory.held(key)?.version !== entry?.version) memory.delete(key);
    return welcome;
  }

  /** A pending change was given up for a newer one of this version, which may be its own. */
  #yields(pending: Pending | undefined, version: Version | undefined): void {
    if (pending === undefined || version === pending.version) return;
    this.#counters.supersededChanges++;
    this.#deps.onSuperseded?.(pending.key, pending.version, version);
  }

  /**
   * @param version what is as new, or newer, stays in L1; undefined where all is dropped
   * @param made whether L2 has deleted what is older
   */
  #forgetWhere(matches: (key: string) => boolean, version: Version | undefined, made = true): number {
    this.#flights.fenceWhere(matches);
    this.#ownWrites.touchWhere(matches, made ? version : undefined);
    const older = (entry: Entry) => version === undefined || entry.version < version;
    return this.memory?.deleteWhere((entry) => matches(entry.key) && older(entry)) ?? 0;
  }
}
