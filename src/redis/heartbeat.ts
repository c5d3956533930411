/**
 * Judges a link by its canaries. One is sent at every beat; whichever comes back proves that everything sent
 * before it on the same connection was delivered. Pure: it is told the time.
 */
export class Heartbeat {
  readonly #toleranceMs: number;
  readonly #sent = new Map<number, number>();
  #sequence = 0;
  #provenUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param intervalMs between beats
   * @param timeoutMs how old the newest proof may get; a beat is allowed for, so that a loss is noticed at a
   *   beat that still lies within the timeout
   */
  constructor(intervalMs: number, timeoutMs: number) {
    this.#toleranceMs = timeoutMs - intervalMs;
  }

  /** A canary leaves now; gives its number. */
  beat(now: number): number {
    const sequence = ++this.#sequence;
    this.#sent.set(sequence, now);
    for (const [old, at] of this.#sent) {
      if (now - at <= 2 * this.#toleranceMs) break;
      this.#sent.delete(old);
    }
    return sequence;
  }

  /** A canary came back: says how long it took, in ms, or undefined for one that nobody sent. */
  heard(sequence: number, now: number): number | undefined {
    const sentAt = this.#sent.get(sequence);
    if (sentAt === undefined) return undefined;
    for (const old of this.#sent.keys()) {
      if (old > sequence) break;
      this.#sent.delete(old);
    }
    this.#provenUntil = Math.max(this.#provenUntil, sentAt);
    return now - sentAt;
  }

  /** Whether a loss of the link would have been noticed by now if it had happened before the last proof. */
  alive(now: number): boolean {
    return now - this.#provenUntil <= this.#toleranceMs;
  }

  /** The link broke: nothing that was sent proves anything any more. */
  reset(): void {
    this.#sent.clear();
    this.#provenUntil = Number.NEGATIVE_INFINITY;
  }
}
