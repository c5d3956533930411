/** What a key was in Redis, state after state. */

export type Cause = 'write' | 'delete' | 'expire' | 'flush' | 'foreign' | 'lost' | 'swap';

/** How a key was from `at` until `until`, in the time of the world. */
export interface State {
  /** Its place in the history of the key. */
  readonly index: number;
  readonly at: number;
  until: number;
  /** When its time to live ends it, should nothing else end it before. */
  expires: number;
  /** The value as it was written; undefined for none. */
  readonly value: string | undefined;
  readonly version: string | undefined;
  readonly cause: Cause;
  /** The operation that made it, by its number; undefined for what no client of the service asked for. */
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
