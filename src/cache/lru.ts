import { LRUMapWithDelete } from 'mnemonist';

/**
 * mnemonist's map-based LRU, for what is small and of no interest to the hot path; L1 has a map and an order of its
 * own (`key-map.ts`, `recency.ts`). The declaration leaves out `items`, a Map from key to slot, without which its keys
 * cannot be walked. (mnemonist's `LRUCache` keeps keys in a plain object, where a key named `constructor` breaks it.)
 */
export interface Lru<Value> {
  readonly size: number;
  readonly items: Map<string, number>;
  /** Looks up and makes it the most recently used. */
  get(key: string): Value | undefined;
  /** Looks up and leaves the order alone. */
  peek(key: string): Value | undefined;
  set(key: string, value: Value): void;
  /** Deletes, but leaves the value in its slot of `V` until the slot is used again. */
  delete(key: string): boolean;
}

export const Lru = LRUMapWithDelete as unknown as new <Value>(capacity: number) => Lru<Value>;
