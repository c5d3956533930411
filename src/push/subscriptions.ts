import { TYPES, type TypeIndex, typeOf } from '../key.ts';

/** The keys that a subscription covers: each key in `keys`, of a type in `types`, or with a prefix in `prefixes`. */
export interface Interest {
  readonly keys: readonly string[];
  readonly types: readonly TypeIndex[];
  readonly prefixes: readonly string[];
  /** Whether events carry the new value. */
  readonly values: boolean;
  /** The shortest time between two states of a key, in ms; 0 for no limit. */
  readonly interval: number;
}

/** Returns a function that tests whether a type or a prefix covers a key. Its cost does not depend on their number. */
export function coverage({
  types,
  prefixes,
}: Pick<Interest, 'types' | 'prefixes'>): (key: string) => boolean {
  const ofTypes = new Set(types);
  const ofPrefixes = new Set(prefixes);
  const lengths = [...new Set(prefixes.map(({ length }) => length))];
  return (key) =>
    ofTypes.has(typeOf(key)) ||
    lengths.some((length) => length <= key.length && ofPrefixes.has(key.slice(0, length)));
}

/** How a subscriber wants the states of a key. */
export type Wanted = Pick<Interest, 'values' | 'interval'>;

/** One subscription of one subscriber. */
export interface Subscription<Subscriber> extends Interest {
  readonly subscriber: Subscriber;
}

/**
 * Finds the subscribers of a key with one lookup for the key, one for its type, and one for each distinct length of a
 * prefix.
 */
export class Subscriptions<Subscriber> {
  readonly #onKey: (key: string, isSubscribed: boolean) => void;
  readonly #byKey = new Map<string, Set<Subscription<Subscriber>>>();
  readonly #byType: readonly Set<Subscription<Subscriber>>[] = TYPES.map(() => new Set());
  readonly #byPrefix = new Map<string, Set<Subscription<Subscriber>>>();
  /** Length -> number of prefixes of this length. */
  readonly #prefixLengths = new Map<number, number>();
  #size = 0;

  /** @param onKey called when a key receives its first subscription by name, and after it has lost its last one */
  constructor(onKey: (key: string, isSubscribed: boolean) => void = () => {}) {
    this.#onKey = onKey;
  }

  get size(): number {
    return this.#size;
  }

  add(subscription: Subscription<Subscriber>): void {
    this.#size++;
    for (const key of new Set(subscription.keys))
      if (addTo(this.#byKey, key, subscription)) this.#onKey(key, true);
    for (const type of subscription.types) this.#byType[type]!.add(subscription);
    for (const prefix of new Set(subscription.prefixes)) {
      if (addTo(this.#byPrefix, prefix, subscription)) this.#countLength(prefix.length, 1);
    }
  }

  remove(subscription: Subscription<Subscriber>): void {
    this.#size--;
    for (const key of new Set(subscription.keys))
      if (removeFrom(this.#byKey, key, subscription)) this.#onKey(key, false);
    for (const type of subscription.types) this.#byType[type]!.delete(subscription);
    for (const prefix of new Set(subscription.prefixes)) {
      if (removeFrom(this.#byPrefix, prefix, subscription)) this.#countLength(prefix.length, -1);
    }
  }

  /** Whether the key has subscribers. */
  has(key: string): boolean {
    if (this.#size === 0) return false;
    if (this.#byKey.has(key) || this.#byType[typeOf(key)]!.size > 0) return true;
    for (const length of this.#prefixLengths.keys())
      if (length <= key.length && this.#byPrefix.has(key.slice(0, length))) return true;
    return false;
  }

  /** The subscribers of the key, in no particular order. */
  of(key: string): Map<Subscriber, Wanted> {
    const found = new Map<Subscriber, Wanted>();
    collect(found, this.#byKey.get(key));
    collect(found, this.#byType[typeOf(key)]);
    for (const length of this.#prefixLengths.keys())
      if (length <= key.length) collect(found, this.#byPrefix.get(key.slice(0, length)));
    return found;
  }

  /** The subscribers by type or prefix. Their subscriptions may cover keys that cannot be listed. */
  open(): Set<Subscriber> {
    const found = new Set<Subscriber>();
    for (const set of [...this.#byType, ...this.#byPrefix.values()])
      for (const { subscriber } of set) found.add(subscriber);
    return found;
  }

  /** The subscribers of a type, of the prefixes that a key with this head may have, and of longer prefixes. */
  openTo(type: TypeIndex, head: string): Set<Subscriber> {
    const found = new Set<Subscriber>();
    for (const { subscriber } of this.#byType[type]!) found.add(subscriber);
    for (const [prefix, set] of this.#byPrefix)
      if (prefix.startsWith(head) || head.startsWith(prefix))
        for (const { subscriber } of set) found.add(subscriber);
    return found;
  }

  /** The keys subscribed to by name. */
  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  #countLength(length: number, change: 1 | -1): void {
    const count = (this.#prefixLengths.get(length) ?? 0) + change;
    if (count === 0) this.#prefixLengths.delete(length);
    else this.#prefixLengths.set(length, count);
  }
}

function collect<Subscriber>(
  found: Map<Subscriber, Wanted>,
  subscriptions: Set<Subscription<Subscriber>> | undefined,
): void {
  if (subscriptions === undefined) return;
  for (const subscription of subscriptions) {
    const { subscriber } = subscription;
    const other = found.get(subscriber);
    found.set(subscriber, other === undefined ? subscription : both(subscription, other));
  }
}

/** What serves both subscriptions: the value if one wants it, and the shorter interval. */
function both(a: Wanted, b: Wanted): Wanted {
  return { values: a.values || b.values, interval: Math.min(a.interval, b.interval) };
}

/** Returns whether the name is new in the index. */
function addTo<T>(index: Map<string, Set<T>>, name: string, item: T): boolean {
  const known = index.get(name);
  known?.add(item);
  if (known === undefined) index.set(name, new Set([item]));
  return known === undefined;
}

/** Returns whether the name was removed from the index, because it has no more items. */
function removeFrom<T>(index: Map<string, Set<T>>, name: string, item: T): boolean {
  const known = index.get(name);
  known?.delete(item);
  if (known?.size !== 0) return false;
  return index.delete(name);
}
