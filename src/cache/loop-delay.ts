const TICK_MS = 20;
/** How much of the last delay a punctual tick leaves: about a second until an overload is forgotten. */
const DECAY = 0.9;

/**
 * How late the event loop is: what a timer that is due waits before it runs, in milliseconds, falling off over
 * about a second. Every request waits at least as long.
 */
export class LoopDelay {
  #delayMs = 0;
  // A process that starts holds its loop up, and nobody waits for it yet.
  #due = Number.POSITIVE_INFINITY;
  readonly #timer = setInterval(() => this.#tick(performance.now()), TICK_MS);

  constructor() {
    this.#timer.unref();
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(now: number): void {
    this.#delayMs = Math.max(now - this.#due, this.#delayMs * DECAY, 0);
    this.#due = now + TICK_MS;
  }
}
