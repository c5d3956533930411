import type { Announced, ChangeListener, Reason } from '../cache/bus.ts';
import type { Entry } from '../cache/entry.ts';
import type { Loaded } from '../cache/loaded.ts';
import { Lru } from '../cache/lru.ts';
import { type Match, matcher } from '../cache/match.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import { TYPES } from '../key.ts';
import type { Codec, Encoded, ResetReason } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { State } from './state.ts';
import { Subscriptions } from './subscriptions.ts';
import { Unanswered } from './unanswered.ts';

/** The last that is known of a key: a version, or that it has none. */
interface Known {
  readonly version: string | undefined;
  readonly expiresAt: number;
  /** Some clients may not know it: they dropped it with other keys, or L2 did not answer when they asked. */
  readonly dropped?: boolean;
}

/** Questions about one key. They are numbered from 1 while at least one of them has no answer. */
interface Asking {
  unanswered: number;
  last: number;
  /** Answers to questions up to this number do not count: clients were notified of something that may be newer. */
  settled: number;
}

const GONE: Known = { version: undefined, expiresAt: 0 };

/** How many keys are remembered; of a key that was forgotten, subscribers may be told the same state twice. */
const REMEMBERED_KEYS = 100_000;

/** How often a client's read is repeated whose answer own writes have overtaken. */
const MOST_ATTEMPTS = 3;

/** How early a key may be gone and its time still be why: clocks of two machines, and Redis's own cycle. */
const EXPIRY_TOLERANCE_MS = 100;

/**
 * Turns what happens to keys into what subscribers are told. Whatever is found out about a key anywhere, by an
 * own write, by a load after somebody else's, by the snapshot of a new subscription, is told here as `learned`;
 * what is new goes to all subscribers of the key, what is known already to nobody. So nobody is told twice,
 * and nobody misses what another's snapshot met first.
 *
 * An own write is told when its answer is there, and the answer to a question that left before it may be looked
 * at only after it: such an answer counts for nothing. Should something have come after the write, then that is
 * heard of as well, and asked about again. After a flush it is the same.
 *
 * What is learned in one turn of the event loop goes out together at its end.
 */
export class Hub implements ChangeListener {
  readonly subscriptions = new Subscriptions<Consumer>();
  readonly #cache: TwoLevel;
  readonly #evicting: () => Promise<boolean>;
  readonly #rememberedKeys: number;
  readonly #known: Lru<Known>;
  readonly #asking = new Map<string, Asking>();
  readonly #unanswered = new Unanswered((key, reason) => this.#askAgain(key, reason));
  #turn = new Map<string, State>();

  /**
   * @param evicting whether Redis evicts keys at present; called when a key is gone
   * @param rememberedKeys how many keys are remembered, for which memory is taken at once
   */
  constructor(
    cache: TwoLevel,
    evicting: () => Promise<boolean> = async () => false,
    rememberedKeys = REMEMBERED_KEYS,
  ) {
    this.#cache = cache;
    this.#evicting = evicting;
    this.#rememberedKeys = rememberedKeys;
    this.#known = new Lru(rememberedKeys);
  }

  stored(key: string, entry: Entry): void {
    this.#overtake(key);
    this.#unanswered.delete(key);
    const known = this.#known.peek(key)?.version;
    // Something newer is known already: either it came after this write, or it was deleted before it.
    if (known !== undefined && known > entry.version) return this.changed(key, { reason: 'set' });
    this.learned(key, entry, 'set');
  }

  removed(key: string, reason: Reason): void {
    this.#overtake(key);
    this.#unanswered.delete(key);
    this.learned(key, undefined, reason);
  }

  changed(key: string, announced: Announced | undefined, held?: Entry): void {
    if (!this.subscriptions.has(key)) return;
    // What readers had in L1 is worth to be there again. Other keys would evict theirs.
    void this.#find(key, announced?.reason, held !== undefined);
  }

  matchRemoved(match: Match, reason: Reason): void {
    const matches = matcher(match);
    // What was learned before comes before it.
    this.flush();
    const named = 'type' in match ? { type: TYPES[match.type]! } : { pattern: match.pattern };
    const frames = new FrameCache((codec) => codec.invalidateMatch(named, reason));
    const name = JSON.stringify(named);
    for (const consumer of this.subscriptions.open())
      consumer.notify(name, frames.for(consumer.codec), matches);
    // Clients drop all that matches, but a value may be there still: one that was written during the deletion, or any
    // where another program only wants caches to drop it. So L2 is asked what each key is now.
    for (const key of this.#notKnownToBeGone(matches)) {
      const known = this.#known.peek(key);
      if (known !== undefined) this.#known.set(key, { ...known, dropped: true });
      this.changed(key, { reason });
    }
  }

  /** The keys that match, and that subscribers may hold. */
  #notKnownToBeGone(matches: (key: string) => boolean): Set<string> {
    const keys = new Set<string>();
    for (const key of this.subscriptions.keys())
      if (matches(key) && this.#known.peek(key) === undefined) keys.add(key);
    for (const key of this.#known.items.keys()) {
      const { version, dropped } = this.#known.peek(key)!;
      if ((version !== undefined || dropped) && matches(key)) keys.add(key);
    }
    return keys;
  }

  reset(reason: ResetReason): void {
    this.#turn.clear();
    this.#unanswered.clear();
    for (const key of [...this.#asking.keys()]) this.#overtake(key);
    this.#forget();
    const frames = new FrameCache((codec) => codec.reset(reason));
    for (const consumer of this.#subscribers) consumer.reset(frames.for(consumer.codec));
  }

  /** This is how the key is now; `entry` undefined for none. */
  learned(key: string, entry: Entry | undefined, reason: Reason): void {
    if (!this.subscriptions.has(key)) return;
    const known = this.#known.get(key);
    if (known !== undefined && known.version === entry?.version && !known.dropped) return;
    this.#known.set(key, { version: entry?.version, expiresAt: entry?.expiresAt ?? 0 });
    this.#tell(key, entry, reason);
  }

  /** As `learned`, for what a snapshot found, so not because anything happened. */
  found(key: string, entry: Entry | undefined): void {
    const unheardOf = this.#known.peek(key) === undefined;
    // The key may have been forgotten, and older subscribers may hold this. Should it be news, the link reports it.
    if (unheardOf && this.#known.size >= this.#rememberedKeys) return;
    // There never was a value to report, and so there is no end of it to report either.
    if (unheardOf && entry === undefined) this.#known.set(key, GONE);
    else this.learned(key, entry, 'remote');
  }

  /** L2 did not answer a client that asked what the key is: the client receives the answer when L2 gives one. */
  unanswered(key: string): void {
    const known = this.#known.peek(key);
    if (known !== undefined) this.#known.set(key, { ...known, dropped: true });
    if (!this.#unanswered.has(key)) this.#unanswered.add(key, undefined);
  }

  /** As `cache.peek`, for a client that may subscribe to the key: what it receives is known from then on. */
  peek(key: string): Entry | undefined {
    const entry = this.#cache.peek(key);
    if (entry !== undefined && this.subscriptions.has(key)) this.found(key, entry);
    return entry;
  }

  /** As `cache.load`, likewise. */
  async load(key: string): Promise<Loaded> {
    if (!this.subscriptions.has(key)) return this.#cache.load(key);
    let loaded: Loaded;
    let counts: boolean;
    let attempts = 0;
    do [loaded, counts] = await this.ask(key, () => this.#cache.load(key));
    while (!counts && ++attempts < MOST_ATTEMPTS);
    const { entry, source } = loaded;
    if (counts && (source === 'l2' || source === 'none')) this.found(key, entry);
    else if (source === 'unknown' || source === 'l1-stale') this.unanswered(key);
    return loaded;
  }

  /**
   * Puts a question about the key, and returns with the answer whether it counts. Answers that arrive together may be
   * handled in any order, since some take more steps than others: one that comes after the answer to a later question
   * is older, and does not count.
   */
  async ask(key: string, question: () => Promise<Loaded>): Promise<[answer: Loaded, counts: boolean]> {
    const asking = this.#asking.get(key) ?? { unanswered: 0, last: 0, settled: 0 };
    asking.unanswered++;
    const number = ++asking.last;
    this.#asking.set(key, asking);
    try {
      const answer = await question();
      const counts = number > asking.settled;
      const known = answer.source !== 'unknown' && answer.source !== 'l1-stale';
      if (counts && known) asking.settled = number;
      return [answer, counts];
    } finally {
      if (--asking.unanswered === 0) this.#asking.delete(key);
    }
  }

  /** The answers to all questions that were put before now do not count. */
  #overtake(key: string): void {
    const asking = this.#asking.get(key);
    if (asking !== undefined) asking.settled = asking.last;
  }

  #tell(key: string, entry: Entry | undefined, reason: Reason): void {
    const earlier = this.#turn.get(key);
    if (this.#turn.size === 0) setImmediate(() => this.flush());
    this.#turn.set(key, new State(key, entry, reason, earlier === undefined ? 0 : earlier.merged + 1));
  }

  get #subscribers(): Set<Consumer> {
    const all = this.subscriptions.open();
    for (const key of this.subscriptions.keys())
      for (const consumer of this.subscriptions.of(key).keys()) all.add(consumer);
    return all;
  }

  async #find(key: string, announced: Reason | undefined, fill = false): Promise<void> {
    const [{ entry, source }, counts] = await this.ask(key, () => this.#cache.refresh(key, fill));
    if (!counts) return;
    const known = source === 'l2' || source === 'pending';
    // What is pending here may give way to what L2 holds: it is asked about again until L2 has decided.
    if (source === 'pending') this.#unanswered.add(key, announced);
    else if (known || source === 'none') this.#unanswered.delete(key);
    if (known && entry !== undefined) return this.learned(key, entry, announced ?? 'remote');
    if (known || source === 'none') return this.#gone(key, announced);
    // L2 did not answer. Until it does, all that can be reported is that the key has changed.
    this.#unanswered.add(key, announced);
    const last = this.#known.peek(key);
    if (last !== undefined && last.version === undefined) return;
    this.#known.set(key, GONE);
    this.#tell(key, undefined, 'remote');
  }

  #askAgain(key: string, announced: Reason | undefined): void {
    if (this.subscriptions.has(key)) void this.#find(key, announced);
    else this.#unanswered.delete(key);
  }

  /** Nobody said why it is gone: its time may be over, Redis may have given it up, or another program it was. */
  async #gone(key: string, announced: Reason | undefined): Promise<void> {
    if (announced !== undefined && announced !== 'set') return this.learned(key, undefined, announced);
    const known = this.#known.peek(key);
    if (known !== undefined && known.version === undefined && !known.dropped) return;
    if (known?.version !== undefined && known.expiresAt <= this.#cache.now + EXPIRY_TOLERANCE_MS)
      return this.learned(key, undefined, 'expire');
    const gone: Known = { ...GONE };
    this.#known.set(key, gone);
    const reason = (await this.#evicting()) ? 'evict' : 'remote';
    // What was learned during the question is newer, and has been told.
    const now = this.#known.peek(key);
    if (now === undefined || now === gone) this.#tell(key, undefined, reason);
  }

  /** Tells what was learned in this turn now, and not at its end. */
  flush(): void {
    const states = this.#turn;
    this.#turn = new Map();
    const deliveries = new Map<Consumer, [state: State, values: boolean][]>();
    for (const state of states.values()) {
      for (const [consumer, values] of this.subscriptions.of(state.key)) {
        const delivery = deliveries.get(consumer);
        if (delivery === undefined) deliveries.set(consumer, [[state, values]]);
        else delivery.push([state, values]);
      }
    }
    for (const [consumer, delivery] of deliveries) consumer.deliver(delivery);
  }

  #forget(): void {
    for (const key of [...this.#known.items.keys()]) this.#known.delete(key);
  }
}

/** A frame made once for each codec. */
class FrameCache {
  readonly #frames = new Map<Codec, Encoded>();
  readonly #make: (codec: Codec) => Encoded;

  constructor(make: (codec: Codec) => Encoded) {
    this.#make = make;
  }

  for(codec: Codec): Encoded {
    let frame = this.#frames.get(codec);
    if (frame === undefined) {
      const made = this.#make(codec);
      frame = typeof made === 'string' ? made : Buffer.from(made);
      this.#frames.set(codec, frame);
    }
    return frame;
  }
}
