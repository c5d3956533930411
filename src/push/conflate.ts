import type { State } from './state.ts';

/** The newest state of a key that a consumer has not been sent yet. */
export interface Waiting {
  state: State;
  values: boolean;
  /** Older states that it replaced. */
  merged: number;
}

/**
 * What waits for a slow consumer: for each key its newest state, in the order in which the keys first began to
 * wait. So what it costs is bounded by the keys that it subscribed to, and not by how often they change.
 */
export class Backlog {
  readonly #waiting = new Map<string, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  add(state: State, values: boolean): void {
    const waiting = this.#waiting.get(state.key);
    if (waiting === undefined) {
      this.#waiting.set(state.key, { state, values, merged: 0 });
      return;
    }
    waiting.state = state;
    waiting.values = values;
    waiting.merged++;
  }

  get(key: string): Waiting | undefined {
    return this.#waiting.get(key);
  }

  delete(key: string): void {
    this.#waiting.delete(key);
  }

  clear(): void {
    this.#waiting.clear();
  }

  /** Takes out what waits, the first first, for as long as `send` says that there is room for more. */
  drain(send: (waiting: Waiting) => boolean): void {
    for (const [key, waiting] of this.#waiting) {
      this.#waiting.delete(key);
      if (!send(waiting)) return;
    }
  }
}
