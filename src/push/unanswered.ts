import type { Reason } from '../cache/bus.ts';

const FIRST_MS = 50;
const LONGEST_MS = 2000;

/**
 * Keys that changed, and of which L2 did not answer what they are now. They are asked about again, all at once, with
 * growing pauses, until each is answered or no longer of interest: a subscriber who was notified of a change must end
 * with the value.
 */
export class Unanswered {
  readonly #ask: (key: string, reason: Reason | undefined) => void;
  readonly #keys = new Map<string, Reason | undefined>();
  #pauseMs = FIRST_MS;
  #timer: NodeJS.Timeout | undefined;

  /** @param ask asks again; a key that is not answered then is added again */
  constructor(ask: (key: string, reason: Reason | undefined) => void) {
    this.#ask = ask;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string, reason: Reason | undefined): void {
    this.#keys.set(key, reason);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#askAll(), this.#pauseMs);
    this.#timer.unref();
  }

  /** The key was answered. */
  delete(key: string): void {
    if (this.#keys.delete(key) && this.#keys.size === 0) this.#pauseMs = FIRST_MS;
  }

  /** None is of interest any more. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#keys.clear();
    this.#pauseMs = FIRST_MS;
  }

  #askAll(): void {
    this.#timer = undefined;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_MS);
    for (const [key, reason] of this.#keys) this.#ask(key, reason);
  }
}
