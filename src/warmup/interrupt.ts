/**
 * Ends waits when a signal aborts. `Promise.race` with one long-lived promise would keep every past wait in memory
 * until that promise settles. For a file with millions of lines that is a leak.
 */
export class Interrupt {
  readonly #signal: AbortSignal | undefined;
  readonly #waits = new Set<() => void>();
  readonly #endAll = (): void => {
    for (const end of this.#waits) end();
  };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#endAll, { once: true });
  }

  get happened(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Settles as `promise` does, or rejects as soon as the signal aborts. */
  wait<T>(promise: Promise<T>): Promise<T> {
    if (this.#signal === undefined) return promise;
    return new Promise((resolve, reject) => {
      const end = (): void => reject(new Error('interrupted'));
      if (this.happened) end();
      this.#waits.add(end);
      promise.then(resolve, reject).finally(() => this.#waits.delete(end));
    });
  }

  /** Removes the listener from the signal, which may outlive the work. */
  dispose(): void {
    this.#signal?.removeEventListener('abort', this.#endAll);
  }
}
