const TICK_MS = 20;
/** The share of the last delay that remains after a punctual tick: the delay decays within about a second. */
const DECAY = 0.9;

/**
 * Measures how late the event loop is: how long a timer that is due waits before it runs, in milliseconds. The figure
 * decays over about a second. Every request waits at least as long.
 */
export class LoopDelay {
  #delayMs = 0;
  #longestMs = 0;
  // The first tick has no due time: a starting process blocks its loop, and no request waits yet.
  #due = Number.POSITIVE_INFINITY;
  readonly #timer = setInterval(() => this.#tick(performance.now()), TICK_MS);

  constructor() {
    this.#timer.unref();
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  /** Returns the longest delay since the last call. The history of the service is its only caller. */
  takeLongestMs(): number {
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return longest;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(now: number): void {
    this.#delayMs = Math.max(now - this.#due, this.#delayMs * DECAY, 0);
    this.#longestMs = Math.max(this.#longestMs, this.#delayMs);
    this.#due = now + TICK_MS;
  }
}
