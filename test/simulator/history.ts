/** The history of each key in Redis, state after state. */

export type Cause = 'write' | 'delete' | 'expire' | 'flush' | 'foreign' | 'lost' | 'failover' | 'swap';

/** The state of a key from `at` until `until`, in the time of the world. */
export interface State {
  /** The place of the state in the history of the key. */
  readonly index: number;
  readonly at: number;
  until: number;
  /** When the TTL ends the state, unless another change ends it earlier. */
  expires: number;
  /** The value as it was written; undefined for no value. */
  readonly value: string | undefined;
  readonly version: string | undefined;
  readonly cause: Cause;
  /** The number of the operation that made the state; undefined if no client of the service requested it. */
  readonly operation: number | undefined;
}

export class History {
  readonly #keys = new Map<string, State[]>();

  of(key: string): State[] {
    let states = this.#keys.get(key);
    if (states === undefined) {
      const first: State = {
        index: 0,
        at: Number.NEGATIVE_INFINITY,
        until: Number.POSITIVE_INFINITY,
        expires: Number.POSITIVE_INFINITY,
        value: undefined,
        version: undefined,
        cause: 'lost',
        operation: undefined,
      };
      states = [first];
      this.#keys.set(key, states);
    }
    return states;
  }

  last(key: string): State {
    return this.of(key).at(-1)!;
  }

  add(key: string, state: Omit<State, 'index' | 'until'>): void {
    const states = this.of(key);
    states.at(-1)!.until = state.at;
    states.push({ ...state, index: states.length, until: Number.POSITIVE_INFINITY });
  }

  keys(): Iterable<string> {
    return this.#keys.keys();
  }
}
