import { typeOf } from '../key.ts';
import type { Counters } from '../metrics/counters.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import {
  type Announced,
  type BusListener,
  type ChangeListener,
  type CoherenceState,
  type KeyChange,
  lesserState,
  type Reason,
} from './bus.ts';
import type { Clock } from './clock.ts';
import { Coherence, Source } from './coherence.ts';
import { Dependents } from './dependencies/dependents.ts';
import type { TwoLevelDeps } from './deps.ts';
import type { Entry } from './entry.ts';
import { Flights } from './flight.ts';
import { deleteMatching } from './invalidation.ts';
import type { Memory } from './l1/memory.ts';
import { SlotDrops } from './l1/slot-drops.ts';
import { L2Reads } from './l2-reads.ts';
import type { Loaded } from './loaded.ts';
import { EVERYTHING, type Match, matcher } from './match.ts';
import { OwnWrites } from './own-writes.ts';
import type { Pending, PendingWrites } from './pending-writes/pending-writes.ts';
import { Postponer } from './pending-writes/postpone.ts';
import { Quality } from './quality/quality.ts';
import type { Kind } from './quality/records.ts';
import { ReadSampler } from './read-sampler.ts';
import { ONE_SLOT } from './slots.ts';
import type { RemovalOutcome, Store, WriteOutcome } from './store.ts';
import type { Version, VersionClock } from './version.ts';
import { Writes } from './writes.ts';

/**
 * The two-level cache. A read first peeks into L1, which costs one map lookup. On a miss it loads the key from L2, with
 * one flight for each key, and fills L1 unless a change has fenced the flight. `writes.ts` makes the changes.
 */
export class TwoLevel implements BusListener {
  readonly memory: Memory | undefined;
  readonly store: Store | undefined;
  readonly quality: Quality;
  readonly #deps: TwoLevelDeps;
  readonly #clock: Clock;
  readonly #versions: VersionClock;
  readonly #counters: Counters;
  readonly #flights: Flights<Loaded>;
  readonly #ownWrites = new OwnWrites();
  readonly #postponer: Postponer | undefined;
  readonly #writes: Writes;
  readonly #reads: L2Reads;
  readonly #coherence: Coherence;
  /** Owns every slot that no other source owns. */
  readonly #source: Source;
  readonly #slotDrops: SlotDrops | undefined;
  readonly #sampler: ReadSampler;
  readonly #writeSampler = new ReadSampler(undefined);
  readonly #dependents: Dependents | undefined;
  /** Notifies clients of changes. */
  changes: ChangeListener | undefined;

  constructor(deps: TwoLevelDeps) {
    this.#deps = deps;
    const { memory, store, clock, versions, counters, pendingWrites, linked = false } = deps;
    this.memory = memory;
    this.store = store;
    this.quality = deps.quality ?? new Quality(clock);
    this.quality.onChange = (selection) => this.changes?.qualityChanged(selection);
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
      memory.onGone = (key, reason) => {
        this.#dependents?.changed(key, versions.next());
        this.changes?.removed(key, reason);
      };
    const postponer = () => this.#postponer;
    const marked = (key: string, loaded: Loaded) => this.#marked(key, loaded);
    const flights = this.#flights;
    const { quality } = this;
    this.#reads = new L2Reads({
      ...deps,
      flights,
      postponer,
      dependents: () => this.#dependents,
      quality,
      marked,
    });
    if (deps.dependencies?.length)
      this.#dependents = new Dependents(deps.dependencies, {
        versions,
        state: () => this.#coherence.state,
        isOneServer: deps.slots === undefined || deps.slots === ONE_SLOT,
        read: store && ((key) => this.#reads.input(key)),
        onChange: (input) => this.changes?.inputChanged(input),
      });
    this.#writes = new Writes({
      ...deps,
      flights: this.#flights,
      ownWrites: this.#ownWrites,
      postponer,
      changes: () => this.changes,
      onChange: (key, version) => this.#dependents?.changed(key, version),
    });
    if (pendingWrites !== undefined && store !== undefined)
      this.#postponer = new Postponer(
        { pendingWrites, store, clock },
        {
          write: (replayed) => this.#writes.replay(replayed),
          forget: ({ match, version }) => this.#forgetWhere(matcher(match), version),
          serverOf: (key) => this.#coherence.ownerOf(key),
          tracing: deps.tracing,
        },
        () => counters.countLimited('pending_writes_share'),
      );
  }

  /** Which entries depend on others; undefined where no type does. */
  get dependents(): Dependents | undefined {
    return this.#dependents;
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
    const dependents = this.#dependents;
    if (dependents?.concerns(entry) && !dependents.admits(entry)) return undefined;
    this.#counters.l1Hits[entry.type]!++;
    this.#sampler.read(key, entry);
    return entry;
  }

  /**
   * Reads the key after `peek` missed: from L2, or the stale entry of L1 if L2 does not answer.
   * @param span the span of this read, if it is traced
   */
  load(key: string, span?: TraceSpan): Promise<Loaded> {
    this.#counters.l1Misses[typeOf(key)]!++;
    const pending = this.#postponer?.answerFor(key);
    const loading =
      pending !== undefined
        ? Promise.resolve(this.#reads.countedPending(key, pending.entry))
        : this.#flights.join(key, 1, true, (flight) => this.#reads.fly(key, flight), span);
    return this.#sampler.load(key, loading);
  }

  /**
   * Reads the key from L2 for a push or a warm-up. It is not counted as a read, and does not change the LRU order.
   * @param fill whether the entry may enter L1
   */
  refresh(key: string, fill = true): Promise<Loaded> {
    const pending = this.#postponer?.answerFor(key);
    if (pending !== undefined) return Promise.resolve(this.#reads.pending(key, pending.entry));
    return this.#flights.join(key, 0, fill, (flight) => this.#reads.fly(key, flight));
  }

  /** As `refresh`, but answers from L1 where the entry is fresh, and does not fill L1. */
  async look(key: string): Promise<Loaded> {
    const entry = this.memory?.glance(key);
    const admitted = entry !== undefined && (this.#dependents?.admits(entry) ?? true);
    return !admitted ? this.refresh(key, false) : { entry, source: 'l1' };
  }

  /** `peek`, then `load`. */
  async get(key: string): Promise<Loaded> {
    const entry = this.peek(key);
    return entry === undefined ? this.load(key) : { entry, source: 'l1' };
  }

  /** See `Writes.set`. */
  set(...change: Parameters<Writes['set']>): Promise<WriteOutcome> {
    const [key, value] = change;
    if (this.#writeSampler.draws()) this.#deps.onSampledWrite?.(key, value);
    return this.#writes.set(...change);
  }

  /** See `Writes.delete`. */
  delete(...change: Parameters<Writes['delete']>): Promise<RemovalOutcome> {
    if (this.#writeSampler.draws()) this.#deps.onSampledWrite?.(change[0], undefined);
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
    const version = this.#versions.next();
    const forget = (matches: (key: string) => boolean, made: boolean) =>
      this.#forgetWhere(matches, version, made);
    const removed =
      store === undefined
        ? forget(matcher(match), false)
        : await deleteMatching({ store, postponer: this.#postponer, forget }, match, version, stopped);
    this.#dependents?.matchChanged(match);
    this.changes?.matchRemoved(match, match === EVERYTHING ? 'flush' : 'delete');
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
    this.#dependents?.allChanged();
    this.pendingWrites?.move(ms);
    // New stamps must be greater than those of the pending writes, also after a step back.
    for (const version of this.pendingWrites?.versions() ?? []) this.#versions.observe(version);
    this.forgetAll();
  }

  keyChanged(key: string, announced: Announced | undefined): void {
    const version = announced?.version;
    if (version !== undefined) this.#versions.observe(version);
    this.#flights.fence(key);
    const inFlight = this.#ownWrites.changed(key, version);
    this.#yields(this.#postponer?.keyChanged(key, version), version);
    const cached = this.memory?.cached(key);
    this.#deps.recent?.keyChanged(key, announced, cached);
    this.memory?.delete(key);
    this.#dependents?.heard(key, version);
    // An own write in flight notifies the clients when it is answered.
    if (!inFlight) this.changes?.changed(key, announced, cached);
  }

  keysChanged(changes: readonly KeyChange[]): void {
    for (const { key, announced } of this.#dependents?.inOrder(changes) ?? changes)
      this.keyChanged(key, announced);
  }

  qualityChanged(kind: Kind): void {
    this.#deps.onQualityChange?.(kind);
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
    this.#dependents?.matchChanged(match);
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
    this.#deps.onQualityChange?.();
    this.#dependents?.allChanged();
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
    this.#deps.onQualityChange?.();
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

  /** Adds the state of the key's server where answers must name it. */
  #marked(key: string, loaded: Loaded): Loaded {
    const lesser = lesserState(this.stateOf(key));
    return lesser === undefined ? loaded : { ...loaded, lesser };
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
