import { LRUMapWithDelete } from 'mnemonist';

/**
 * mnemonist's map-based LRU, with what its declaration leaves out: the Map from key to slot, and the arrays of slots.
 * (mnemonist's `LRUCache` keeps keys in a plain object, where a key named `constructor` breaks it.)
 */
export interface Lru<Value> {
  readonly size: number;
  readonly capacity: number;
  readonly items: Map<string, number>;
  /** Keys and values by slot. */
  readonly K: (string | undefined)[];
  readonly V: (Value | undefined)[];
  /** The slot of the least recently used; 0 also where it is empty. */
  readonly tail: number;
  /** Looks up and makes it the most recently used. */
  get(key: string): Value | undefined;
  /** Looks up and leaves the order alone. */
  peek(key: string): Value | undefined;
  /** Makes it the most recently used; at the capacity the least recently used is dropped. */
  set(key: string, value: Value): void;
  /** Deletes, but leaves key and value in their slots until the slot is used again. */
  delete(key: string): boolean;
}

export const Lru = LRUMapWithDelete as unknown as new <Value>(capacity: number) => Lru<Value>;

/** As `delete`, without keeping the value alive. Returns what was there. */
export function takeOut<Value>(lru: Lru<Value>, key: string): Value | undefined {
  const slot = lru.items.get(key);
  if (slot === undefined) return undefined;
  const value = lru.V[slot];
  lru.K[slot] = undefined;
  lru.V[slot] = undefined;
  lru.delete(key);
  return value;
}
