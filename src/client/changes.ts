import type { Change } from './change.ts';

/**
 * Changes as an asynchronous iterator. While the program does not ask for the next one, only the newest change of each key
 * waits, so a slow program uses a bounded amount of memory.
 */
export class Changes<Value> implements AsyncIterableIterator<Change<Value>> {
  readonly #waiting = new Map<string, Change<Value>>();
  readonly #onReturn: () => void;
  #wake: (() => void) | undefined;
  #isDone = false;
  #error: unknown;

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  push(change: Change<Value>): void {
    const earlier = this.#waiting.get(change.key);
    const merged = earlier === undefined ? change.merged : change.merged + earlier.merged + 1;
    this.#waiting.set(change.key, { ...change, merged });
    this.#wake?.();
  }

  /** Ends the iteration after the waiting changes. */
  end(error?: unknown): void {
    this.#isDone = true;
    this.#error = error;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Change<Value>>> {
    for (;;) {
      for (const [key, change] of this.#waiting) {
        this.#waiting.delete(key);
        return { done: false, value: change };
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#isDone) return { done: true, value: undefined };
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  async return(): Promise<IteratorResult<Change<Value>>> {
    this.#isDone = true;
    this.#waiting.clear();
    this.#onReturn();
    this.#wake?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
