import { LRUMapWithDelete } from 'mnemonist';

/**
 * mnemonist's map-based LRU: a Map from key to slot, and arrays of keys, values and links by slot. Its
 * declaration leaves out those parts, which L1 needs for what the LRU cannot do itself: take the oldest entry
 * out, unpin a deleted value, and walk the keys in slices. (Its `LRUCache` keeps keys in a plain object, where
 * a key named `constructor` breaks it.)
 */
export interface Lru<Value> {
  readonly size: number;
  readonly items: Map<string, number>;
  readonly K: string[];
  readonly V: (Value | undefined)[];
  /** The slot of the least recently used entry. */
  readonly tail: number;
  /** Looks up and makes it the most recently used. */
  get(key: string): Value | undefined;
  /** Looks up and leaves the order alone. */
  peek(key: string): Value | undefined;
  set(key: string, value: Value): void;
  /** Deletes, but leaves the value in its slot of `V` until the slot is used again. */
  delete(key: string): boolean;
}

export const Lru = LRUMapWithDelete as unknown as new <Value>(capacity: number) => Lru<Value>;
