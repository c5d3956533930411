import type { Announced, ChangeListener, Reason } from '../cache/bus.ts';
import type { Entry } from '../cache/entry.ts';
import { TYPES } from '../cache/key.ts';
import { Lru } from '../cache/lru.ts';
import { type Match, matcher } from '../cache/match.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import type { Codec, Encoded, ResetReason } from './codec.ts';
import type { Consumer } from './consumer.ts';
import { State } from './state.ts';
import { Subscriptions } from './subscriptions.ts';

/** The last that is known of a key: a version, or that it has none. */
interface Known {
  readonly version: string | undefined;
  readonly expiresAt: number;
}

/** How many keys are remembered; of a key that was forgotten, subscribers may be told the same state twice. */
const REMEMBERED_KEYS = 100_000;

/** How early a key may be gone and its time still be why: clocks of two machines, and Redis's own cycle. */
const EXPIRY_TOLERANCE_MS = 100;

/**
 * Turns what happens to keys into what subscribers are told. Whatever is found out about a key anywhere, by an
 * own write, by a load after somebody else's, by the snapshot of a new subscription, is told here as `learned`;
 * what is new goes to all subscribers of the key, what is known already to nobody. So nobody is told twice,
 * and nobody misses what another's snapshot met first.
 *
 * What is learned in one turn of the event loop goes out together at its end.
 */
export class Hub implements ChangeListener {
  readonly subscriptions = new Subscriptions<Consumer>();
  readonly #cache: TwoLevel;
  readonly #known = new Lru<Known>(REMEMBERED_KEYS);
  #turn = new Map<string, State>();

  constructor(cache: TwoLevel) {
    this.#cache = cache;
  }

  stored(key: string, entry: Entry): void {
    this.learned(key, entry, 'set');
  }

  removed(key: string, reason: Reason): void {
    this.learned(key, undefined, reason);
  }

  changed(key: string, announced: Announced | undefined): void {
    if (!this.subscriptions.has(key)) return;
    void this.#find(key, announced?.reason);
  }

  matchRemoved(match: Match, reason: Reason): void {
    const matches = matcher(match);
    for (const key of this.subscriptions.keys()) if (matches(key)) this.learned(key, undefined, reason);
    const named = 'type' in match ? { type: TYPES[match.type]! } : { pattern: match.pattern };
    const frames = new FrameCache((codec) => codec.invalidateMatch(named, reason));
    for (const consumer of this.subscriptions.open()) consumer.announce(frames.for(consumer.codec));
  }

  reset(reason: ResetReason): void {
    this.#turn.clear();
    this.#forget();
    const frames = new FrameCache((codec) => codec.reset(reason));
    for (const consumer of this.#subscribers) consumer.reset(frames.for(consumer.codec));
  }

  /** This is how the key is now; `entry` undefined for none. */
  learned(key: string, entry: Entry | undefined, reason: Reason): void {
    if (!this.subscriptions.has(key)) return;
    const known = this.#known.get(key);
    if (known !== undefined && known.version === entry?.version) return;
    this.#known.set(key, { version: entry?.version, expiresAt: entry?.expiresAt ?? 0 });
    this.#tell(key, entry, reason);
  }

  #tell(key: string, entry: Entry | undefined, reason: Reason): void {
    const earlier = this.#turn.get(key);
    if (this.#turn.size === 0) setImmediate(() => this.#flush());
    this.#turn.set(key, new State(key, entry, reason, earlier === undefined ? 0 : earlier.merged + 1));
  }

  get #subscribers(): Set<Consumer> {
    const all = this.subscriptions.open();
    for (const key of this.subscriptions.keys())
      for (const consumer of this.subscriptions.of(key).keys()) all.add(consumer);
    return all;
  }

  async #find(key: string, announced: Reason | undefined): Promise<void> {
    const { entry, source } = await this.#cache.refresh(key);
    if (source === 'l2') return this.learned(key, entry, announced ?? 'remote');
    if (source === 'none') return this.learned(key, undefined, this.#reasonGone(key, announced));
    // L2 gave no answer: that the key is not what it was is all there is to tell.
    this.#known.delete(key);
    this.#tell(key, undefined, 'remote');
  }

  #reasonGone(key: string, announced: Reason | undefined): Reason {
    if (announced !== undefined && announced !== 'set') return announced;
    const known = this.#known.peek(key);
    const over = known?.version !== undefined && known.expiresAt <= Date.now() + EXPIRY_TOLERANCE_MS;
    return over ? 'expire' : 'remote';
  }

  #flush(): void {
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
