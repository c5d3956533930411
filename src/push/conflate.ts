import type { Encoded } from './codec.ts';
import type { State } from './state.ts';

/** The newest state of a key that has not been sent to a consumer yet. */
export interface Waiting {
  state: State;
  values: boolean;
  /** The number of older states that it replaced. The states in `state.merged` are not counted. */
  merged: number;
}

/**
 * The queue of a slow consumer. It holds the newest state of each key, in the order in which the keys were first
 * queued. Its size is bounded by the number of subscribed keys, not by how often they change.
 *
 * A notice invalidates many keys at once. Notices are sent before all states. In place of the queued values that it makes
 * obsolete, deletions are queued: a snapshot that was read before is sent after the notice, and may contain older values of
 * these keys. A value that is queued later is newer than the notice.
 */
export class Backlog {
  readonly #notices = new Map<string, Encoded>();
  readonly #waiting = new Map<string, Waiting>();

  get size(): number {
    return this.#notices.size + this.#waiting.size;
  }

  add(state: State, values: boolean): void {
    const waiting = this.#waiting.get(state.key);
    if (waiting === undefined) {
      this.#waiting.set(state.key, { state, values, merged: 0 });
      return;
    }
    waiting.merged += 1 + waiting.state.merged;
    waiting.state = state;
    waiting.values = values;
  }

  /**
   * @param name identifies the notice; of several notices with one name only the last is sent
   * @param after returns what the notice makes of a state
   */
  addNotice(name: string, frame: Encoded, after: (state: State) => State): void {
    for (const waiting of this.#waiting.values()) waiting.state = after(waiting.state);
    this.#notices.set(name, frame);
  }

  /** Whether a notice is queued. It would invalidate entries that are sent before it. */
  get noticed(): boolean {
    return this.#notices.size > 0;
  }

  get(key: string): Waiting | undefined {
    return this.#waiting.get(key);
  }

  deleteWhere(matches: (key: string) => boolean): void {
    for (const key of this.#waiting.keys()) if (matches(key)) this.#waiting.delete(key);
  }

  delete(key: string): void {
    this.#waiting.delete(key);
  }

  clear(): void {
    this.#notices.clear();
    this.#waiting.clear();
  }

  /** Sends and removes the notices. */
  drainNotices(send: (frame: Encoded) => void): void {
    for (const frame of this.#notices.values()) send(frame);
    this.#notices.clear();
  }

  /** Sends and removes what is queued, oldest first, until `send` returns false. */
  drain(send: (next: Waiting | Encoded) => boolean): void {
    for (const [name, frame] of this.#notices) {
      this.#notices.delete(name);
      if (!send(frame)) return;
    }
    for (const [key, waiting] of this.#waiting) {
      this.#waiting.delete(key);
      if (!send(waiting)) return;
    }
  }
}
