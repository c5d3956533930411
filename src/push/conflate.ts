import type { Encoded } from './codec.ts';
import type { State } from './state.ts';

/** The newest state of a key that a consumer has not been sent yet. */
export interface Waiting {
  state: State;
  values: boolean;
  /** Older states that it replaced, and those that they stood for; not what `state` itself stands for. */
  merged: number;
}

/**
 * What waits for a slow consumer: for each key its newest state, in the order in which the keys first began to
 * wait. So what it costs is bounded by the keys that it subscribed to, and not by how often they change.
 *
 * Notices, which tell it to drop many keys at once, go out before all states: a notice takes the values that wait of
 * its keys out, and what is added to them later is news of after it. The end of a value still waits: a snapshot that
 * was read before the end goes out after the notice, and may contain the value.
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

  /** @param name the same for notices that say the same, of which one is enough */
  addNotice(name: string, frame: Encoded, covers: (key: string) => boolean): void {
    for (const [key, { state }] of this.#waiting)
      if (state.entry !== undefined && covers(key)) this.#waiting.delete(key);
    this.#notices.set(name, frame);
  }

  /** Whether a notice waits, which would take back whatever is told before it. */
  get noticed(): boolean {
    return this.#notices.size > 0;
  }

  get(key: string): Waiting | undefined {
    return this.#waiting.get(key);
  }

  /** Takes out what waits of all these keys. */
  deleteWhere(meant: (key: string) => boolean): void {
    for (const key of this.#waiting.keys()) if (meant(key)) this.#waiting.delete(key);
  }

  delete(key: string): void {
    this.#waiting.delete(key);
  }

  clear(): void {
    this.#notices.clear();
    this.#waiting.clear();
  }

  /** Takes out the notices. */
  drainNotices(send: (frame: Encoded) => void): void {
    for (const frame of this.#notices.values()) send(frame);
    this.#notices.clear();
  }

  /** Takes out what waits, the first first, for as long as `send` says that there is room for more. */
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
