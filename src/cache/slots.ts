/** How L2 divides the keys among its servers: each slot belongs to one server. */
export interface Slots {
  readonly count: number;
  /** Returns the slot of a key, from 0 to `count - 1`. */
  readonly of: (key: string) => number;
}

/** One server has all keys. */
export const ONE_SLOT: Slots = { count: 1, of: () => 0 };
