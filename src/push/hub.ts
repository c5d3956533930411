import { concerns } from '../access/principal.ts';
import type { Announced, ChangeListener, Reason } from '../cache/bus.ts';
import type { Entry } from '../cache/entry.ts';
import { literalHead, literally } from '../cache/glob.ts';
import type { Loaded } from '../cache/loaded.ts';
import { type Match, matcher } from '../cache/match.ts';
import { remarksOn } from '../cache/quality/read.ts';
import type { Selection } from '../cache/quality/selection.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { TYPES, typeOf } from '../key.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import type { ResetReason } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { DependentKeys } from './dependent-keys.ts';
import { FrameCache } from './frame-cache.ts';
import { Gate } from './gate.ts';
import { History } from './history.ts';
import { KnownStates } from './known-states.ts';
import { OrderedReads } from './ordered-reads.ts';
import type { Delivery } from './pacer.ts';
import { Usage } from './quota.ts';
import { Retries } from './retries.ts';
import { State } from './state.ts';
import { coverage, Subscriptions } from './subscriptions.ts';

/** Keys whose last state is remembered. For a forgotten key, subscribers may receive the same state twice. */
const REMEMBERED_KEYS = 100_000;

/** Large pages that are read at a time for all snapshots together. */
const MOST_PAGES = 2;

/** Lists of keys that are requested at a time for all snapshots together. Redis does other work in between. */
const MOST_SCANS = 2;

/** How often a client's read is repeated if own writes fence it. */
const MAX_ATTEMPTS = 3;

/** A key that disappears up to this long before its deadline counts as expired. Clocks of two machines may differ. */
const EXPIRY_TOLERANCE_MS = 100;

/**
 * Notifies subscribers of changes. Every source of a key's state reports it as `learned`: own writes, reads after
 * changes by others, and snapshots of new subscriptions. A new state goes to all subscribers of the key; a known state
 * goes to nobody. So no subscriber receives a state twice, or misses a state that a snapshot for another subscriber
 * found first.
 *
 * The result of a read may be handled after the result of an own write that Redis executed later. Therefore an own
 * write fences all open reads of its key: their results do not count. If another change followed the own write, the
 * link reports that change and the key is read again. A flush fences reads in the same way.
 *
 * States that are learned in one turn of the event loop are sent together at its end.
 */
export class Hub implements ChangeListener {
  readonly subscriptions: Subscriptions<Consumer>;
  readonly reads = new OrderedReads();
  /** The names of all subscriptions. */
  readonly usage = new Usage();
  /** The lists of keys that snapshots request from Redis. */
  readonly scans = new Gate(MOST_SCANS);
  /** The large pages of snapshots that are read. */
  readonly pages = new Gate(MOST_PAGES);
  /** The latest changes, for clients that reconnect. */
  readonly history = new History();
  /** What clients have received last. */
  readonly known: KnownStates;
  readonly #cache: TwoLevel;
  readonly #onFault: (error: unknown) => void;
  readonly #dependentKeys: DependentKeys;
  readonly #retries = new Retries((key, reason) => this.#retry(key, reason));
  /** The states of this turn, by key. */
  #turn = new Map<string, State>();

  /**
   * @param onFault receives exceptions while a change is read or pushed; its subscribers receive `invalidate` instead
   * @param rememberedKeys the number of keys whose last state is remembered; memory for all of them is allocated at
   *   once
   */
  constructor(cache: TwoLevel, onFault: (error: unknown) => void, rememberedKeys = REMEMBERED_KEYS) {
    this.#cache = cache;
    this.#onFault = onFault;
    this.known = new KnownStates(rememberedKeys);
    const dependentKeys = new DependentKeys(cache.dependents);
    this.#dependentKeys = dependentKeys;
    this.subscriptions = new Subscriptions((key, isSubscribed) => {
      if (isSubscribed) dependentKeys.add(key);
      else dependentKeys.remove(key);
    });
  }

  stored(key: string, entry: Entry, isPending = false): void {
    this.history.changed(key, false);
    this.reads.fence(key);
    this.#retries.delete(key);
    const known = this.known.get(key)?.version;
    // A newer version is known: it was written after this write, or deleted before it. Only a read can tell.
    if (known !== undefined && known > entry.version) return this.changed(key, { reason: 'set' });
    this.learned(key, entry, 'set', isPending);
  }

  removed(key: string, reason: Reason): void {
    this.history.changed(key, false);
    this.reads.fence(key);
    this.#retries.delete(key);
    this.learned(key, undefined, reason);
  }

  changed(key: string, announced: Announced | undefined, held?: Entry): void {
    const hasSubscribers = this.subscriptions.has(key);
    this.history.changed(key, hasSubscribers);
    if (!hasSubscribers) return;
    // Fill L1 only if the key was in L1 before: filling it with other keys would evict entries that readers use.
    this.#refresh(key, announced?.reason, held !== undefined);
  }

  matchRemoved(match: Match, reason: Reason): void {
    this.#manyRemoved([match], matcher(match), reason);
  }

  /** @param covers whether one of the matches covers a key: each known key is tested once */
  #manyRemoved(matches: readonly Match[], covers: (key: string) => boolean, reason: Reason): void {
    this.history.restart();
    // Earlier states must be sent before the notices.
    this.flush();
    const consumers = this.subscriptions.open();
    for (const match of matches) this.#sendNotice(consumers, match, reason);
    // Clients drop all matching entries, but keys may still have values. A value may have been written during the
    // deletion, or another program has only asked caches to drop the keys. So each key is read again.
    for (const key of this.#mayHaveValue(covers)) this.#readAnew(key, reason);
  }

  /**
   * Values that depend on the input may be outdated. Subscribers by key receive an event for each value that is. Others
   * receive one notice that covers all dependents of the input, because their values are not listed anywhere.
   *
   * The notice is sent at once. States that were learned before the change are compared with it when they are sent.
   */
  inputChanged(input: string | undefined): void {
    if (this.subscriptions.size === 0) return;
    const { changes } = this.#cache.dependents!;
    for (const key of this.#dependentKeys.of(input)) {
      const known = this.known.get(key);
      if (known !== undefined && known.version === undefined && !known.dropped) continue;
      const version = known?.version;
      // A value with a greater version may still be outdated, if its inputs were read before the change.
      if (input !== undefined && version !== undefined && version <= (changes.lastOf(key)?.version ?? ''))
        this.learned(key, undefined, 'input');
      else this.changed(key, { reason: 'input' });
    }
    for (const pattern of changes.dependentsOf(input)) {
      const consumers = this.subscriptions.openTo(typeOf(pattern), literalHead(pattern).head);
      // The pattern may cover keys without inputs, and values that are newer than the change. They stay in the queues.
      const outdates = (entry: Entry) => !this.#cache.dependents!.isCurrent(entry);
      if (consumers.size > 0) this.#sendNotice(consumers, { pattern }, 'input', outdates);
    }
  }

  /** @param outdates whether the notice makes the value of a matching key obsolete, if that is not sent yet */
  #sendNotice(
    consumers: Iterable<Consumer>,
    match: Match,
    reason: Reason,
    outdates: (entry: Entry) => boolean = () => true,
  ): void {
    const matches = matcher(match);
    const after = (state: State) =>
      state.entry !== undefined && matches(state.key) && outdates(state.entry)
        ? state.obsolete(reason)
        : state;
    const named = 'type' in match ? { type: TYPES[match.type]! } : { pattern: match.pattern };
    const frames = new FrameCache((codec) => codec.invalidateMatch(named, reason));
    const name = JSON.stringify(named);
    for (const consumer of consumers) {
      const { principal } = consumer.owner;
      if (principal === undefined || concerns(principal, match))
        consumer.notify(name, frames.for(consumer.codec), after);
    }
  }

  /** Clients drop the keys of the selection, and read them again with their quality. */
  qualityChanged({ keys, types, prefixes }: Selection): void {
    const matches = [
      ...types.map((type): Match => ({ type })),
      ...prefixes.map((prefix): Match => ({ pattern: `${literally(prefix)}*` })),
    ];
    if (matches.length > 0) this.#manyRemoved(matches, coverage({ types, prefixes }), 'quality');
    for (const key of keys) this.#readAnew(key, 'quality');
  }

  /** Reads the key, and sends its state even if it has not changed. */
  #readAnew(key: string, reason: Reason): void {
    this.known.drop(key);
    this.changed(key, { reason });
  }

  /** The matching keys that are not known to have no value. */
  #mayHaveValue(matches: (key: string) => boolean): Set<string> {
    const keys = new Set(this.known.mayHaveValue(matches));
    for (const key of this.subscriptions.keys())
      if (matches(key) && this.known.get(key) === undefined) keys.add(key);
    return keys;
  }

  reset(reason: ResetReason): void {
    this.history.restart();
    this.#turn.clear();
    this.#retries.clear();
    this.reads.fenceAll();
    this.known.clear();
    const frames = new FrameCache((codec) => codec.reset(reason));
    for (const consumer of this.#subscribers) consumer.reset(frames.for(consumer.codec));
  }

  /** Reports the current state of a key; `entry` is undefined if it has no value. */
  learned(key: string, entry: Entry | undefined, reason: Reason, isPending = false): void {
    if (!this.subscriptions.has(key)) return;
    const known = this.known.use(key);
    if (known !== undefined && known.version === entry?.version && !known.dropped) return;
    // Clients have a newer value than this pending one, unless they have read this one. All receive what Redis decides.
    if (isPending && entry !== undefined && (known?.version ?? '') > entry.version)
      return this.known.drop(key);
    this.known.set(key, entry);
    this.#addToTurn(key, entry, reason, isPending);
  }

  /** Like `learned`, for a state that a read found without a change. */
  found(key: string, { entry, source, outdatedBy }: Loaded): void {
    const reason = outdatedBy === undefined ? 'remote' : 'input';
    const isPending = source === 'pending';
    const unknown = this.known.get(key) === undefined;
    // The key may have been forgotten while its subscribers have this state. The link reports any real change, but this
    // result may have overtaken the read that was sent for the change. That read then does not count.
    if (unknown && this.known.isFull) {
      if (this.history.isOpen(key)) this.learned(key, entry, reason, isPending);
      return;
    }
    // No subscriber has received a value, so no deletion is reported.
    if (unknown && entry === undefined) this.known.set(key, undefined);
    else this.learned(key, entry, reason, isPending);
  }

  /** Redis did not answer a client's read. The client receives the state of the key when Redis answers. */
  retryLater(key: string): void {
    this.known.drop(key);
    if (!this.#retries.has(key)) this.#retries.add(key, undefined);
  }

  /** Like `cache.peek`, for a client that may subscribe to the key. The result counts as known. */
  peek(key: string): Entry | undefined {
    const entry = this.#cache.peek(key);
    if (entry !== undefined && this.subscriptions.has(key)) this.found(key, { entry, source: 'l1' });
    return entry;
  }

  /** Like `cache.load`, for a client that may subscribe to the key. */
  async load(key: string, span?: TraceSpan): Promise<Loaded> {
    if (!this.subscriptions.has(key)) return this.#cache.load(key, span);
    let loaded: Loaded;
    let counts: boolean;
    let attempts = 0;
    const read = () => this.#cache.load(key, span);
    const learn = (result: Loaded) => {
      if (result.source === 'l2' || result.source === 'none') this.found(key, result);
    };
    do [loaded, counts] = await this.reads.read(key, read, learn);
    while (!counts && ++attempts < MAX_ATTEMPTS);
    if (loaded.source === 'unknown' || loaded.source === 'l1-stale') this.retryLater(key);
    return loaded;
  }

  #addToTurn(key: string, entry: Entry | undefined, reason: Reason, isPending: boolean): void {
    const earlier = this.#turn.get(key);
    if (this.#turn.size === 0) setImmediate(() => this.flush());
    const merged = earlier === undefined ? 0 : earlier.merged + 1;
    this.#turn.set(key, new State(key, entry, reason, merged, this.#onFault, isPending));
  }

  get #subscribers(): Set<Consumer> {
    const all = this.subscriptions.open();
    for (const key of this.subscriptions.keys())
      for (const consumer of this.subscriptions.of(key).keys()) all.add(consumer);
    return all;
  }

  #refresh(key: string, announced: Reason | undefined, fill = false): void {
    this.#readAgain(key, announced, fill).catch((error) => {
      this.#onFault(error);
      this.#learnedUnknown(key);
    });
  }

  async #readAgain(key: string, announced: Reason | undefined, fill: boolean): Promise<void> {
    const learn = (loaded: Loaded) => this.#learnedAgain(key, announced, loaded);
    try {
      await this.reads.read(key, () => this.#cache.refresh(key, fill), learn);
    } finally {
      this.history.settled(key);
    }
  }

  #learnedAgain(key: string, announced: Reason | undefined, { entry, source, outdatedBy }: Loaded): void {
    const reason = outdatedBy === undefined ? announced : 'input';
    const known = source === 'l2' || source === 'pending';
    // A pending write may be superseded by a newer value in Redis, so read again until Redis has decided.
    if (source === 'pending') this.#retries.add(key, announced);
    else if (known || source === 'none') this.#retries.delete(key);
    if (known && entry !== undefined)
      return this.learned(key, entry, announced ?? 'remote', source === 'pending');
    if (known || source === 'none') return this.#learnedNoValue(key, reason);
    // Redis did not answer. Until it does, the hub can only report that the key has changed.
    this.#retries.add(key, announced);
    this.#learnedUnknown(key);
  }

  /** Only that the key has changed is known. */
  #learnedUnknown(key: string): void {
    const last = this.known.get(key);
    if (last !== undefined && last.version === undefined) return;
    this.known.set(key, undefined);
    this.#addToTurn(key, undefined, 'remote', false);
  }

  #retry(key: string, announced: Reason | undefined): void {
    if (this.subscriptions.has(key)) {
      this.history.changed(key, true);
      this.#refresh(key, announced);
      return;
    }
    // Clients that resume later have not received the change.
    this.history.changed(key, false);
    this.#retries.delete(key);
  }

  /**
   * Reports that a key has no value. Without an announced reason it may have expired, been evicted, or been deleted by
   * another program. Redis reports that a key changed, but not why.
   */
  #learnedNoValue(key: string, announced: Reason | undefined): void {
    if (announced !== undefined && announced !== 'set') return this.learned(key, undefined, announced);
    const known = this.known.get(key);
    const expired = known?.version !== undefined && known.expiresAt <= this.#cache.now + EXPIRY_TOLERANCE_MS;
    this.learned(key, undefined, expired ? 'expire' : 'remote');
  }

  /** Sends the states of this turn at once, not at its end. */
  flush(): void {
    const states = this.#turn;
    this.#turn = new Map();
    const deliveries = new Map<Consumer, Delivery[]>();
    for (const learned of states.values()) {
      const state = this.#current(learned);
      for (const [consumer, { values, interval }] of this.subscriptions.of(state.key)) {
        const delivery = deliveries.get(consumer);
        if (delivery === undefined) deliveries.set(consumer, [[state, values, interval]]);
        else delivery.push([state, values, interval]);
      }
    }
    for (const [consumer, delivery] of deliveries) consumer.deliver(delivery);
  }

  /**
   * An input or the quality may have changed since the state was learned, and the notice of that change was sent before
   * it.
   */
  #current(state: State): State {
    const { key, entry, merged } = state;
    if (entry === undefined) return state;
    const { dependents, quality } = this.#cache;
    if (dependents?.outdates(entry) === undefined) {
      const remarks = remarksOn(quality, entry);
      return remarks === undefined ? state : state.judged(remarks);
    }
    this.known.set(key, undefined);
    return new State(key, undefined, 'input', merged, this.#onFault);
  }
}
