/** Answers with a body: on average so many bytes of them go out between two that are checked. */
export const CHECKED_EVERY_BYTES = 256 * 1024;

/** Answers without a body: on average so many go out between two that close their connection. */
export const CLOSED_EVERY_ANSWERS = 1024;

/**
 * Draws the answers by which the service detects a client that does not read. uWS copies what a socket does not take,
 * without a limit. Only `tryEnd` reports whether the socket took an answer, and its report costs a tenth of a hit. A
 * handler cannot tell connections apart either, so it cannot count the bytes of each. So one answer in every so many is
 * checked.
 *
 * The distance to the next check is random, so that no rhythm of requests evades the checks. A client that never reads
 * gets the mean distance on average, however much others read. The chance of n times as much is about e^-n.
 */
export class UnreadDraw {
  readonly #mean: number;
  readonly #random: () => number;
  #left: number;

  /** @param random as `Math.random` */
  constructor(mean: number, random: () => number = Math.random) {
    this.#mean = mean;
    this.#random = random;
    this.#left = this.#distance();
  }

  /** Whether the answer that is about to go out is drawn. `amount` is its share of the distance. */
  draws(amount: number): boolean {
    this.#left -= amount;
    if (this.#left > 0) return false;
    this.#left = this.#distance();
    return true;
  }

  #distance(): number {
    return Math.ceil((0.5 + this.#random()) * this.#mean);
  }
}
