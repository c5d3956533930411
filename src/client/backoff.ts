const FIRST_MS = 50;
const LONGEST_MS = 5000;

/** Pauses that double with every failure, each with jitter, so that clients do not return all at once. */
export class Backoff {
  #failures = 0;

  /** The next pause, in ms. */
  next(): number {
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures++;
    return longest * (0.5 + Math.random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
