import type { Reason } from '../cache/bus.ts';

const FIRST_MS = 50;
const LONGEST_MS = 2000;

/**
 * Changed keys whose current state Redis did not return. All of them are read again together, with growing pauses,
 * until each has an answer or no subscriber. This ensures that a subscriber who was notified of a change also receives
 * the value.
 */
export class Retries {
  readonly #read: (key: string, reason: Reason | undefined) => void;
  readonly #keys = new Map<string, Reason | undefined>();
  #pauseMs = FIRST_MS;
  #timer: NodeJS.Timeout | undefined;

  /** @param read reads a key again; if Redis still does not answer, the caller adds the key again */
  constructor(read: (key: string, reason: Reason | undefined) => void) {
    this.#read = read;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string, reason: Reason | undefined): void {
    this.#keys.set(key, reason);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#readAll(), this.#pauseMs);
    this.#timer.unref();
  }

  delete(key: string): void {
    if (this.#keys.delete(key) && this.#keys.size === 0) this.#pauseMs = FIRST_MS;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#keys.clear();
    this.#pauseMs = FIRST_MS;
  }

  #readAll(): void {
    this.#timer = undefined;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_MS);
    for (const [key, reason] of this.#keys) this.#read(key, reason);
  }
}
