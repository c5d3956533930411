import { LRUMapWithDelete } from 'mnemonist';

/**
 * mnemonist's map-based LRU, with the members that its type omits: the Map from key to slot, and the slot arrays.
 * (mnemonist's `LRUCache` stores keys in a plain object, where a key named `constructor` breaks it.)
 */
export interface Lru<Value> {
  readonly size: number;
  readonly capacity: number;
  readonly items: Map<string, number>;
  /** Keys and values by slot. */
  readonly K: (string | undefined)[];
  readonly V: (Value | undefined)[];
  /** The slot of the least recently used key; also 0 while the map is empty. */
  readonly tail: number;
  /** Returns the value, and makes its key the most recently used. */
  get(key: string): Value | undefined;
  /** Returns the value without a change of the LRU order. */
  peek(key: string): Value | undefined;
  /** Stores the value as the most recently used. At capacity it drops the least recently used. */
  set(key: string, value: Value): void;
  /** Deletes the key, but leaves key and value in their slot until the slot is reused. */
  delete(key: string): boolean;
}

export const Lru = LRUMapWithDelete as unknown as new <Value>(capacity: number) => Lru<Value>;

/** Deletes the key, clears its slot so that the value can be collected, and returns the value. */
export function takeOut<Value>(lru: Lru<Value>, key: string): Value | undefined {
  const slot = lru.items.get(key);
  if (slot === undefined) return undefined;
  const value = lru.V[slot];
  lru.K[slot] = undefined;
  lru.V[slot] = undefined;
  lru.delete(key);
  return value;
}
