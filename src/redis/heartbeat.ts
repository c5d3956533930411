/**
 * Decides from its canaries whether a link is alive. One canary is sent at every beat. A canary that arrives on the
 * link proves that everything sent before it has arrived too. The caller passes the time.
 */
export class Heartbeat {
  readonly #toleranceMs: number;
  readonly #sent = new Map<number, number>();
  #sequence = 0;
  #provenUntil = Number.NEGATIVE_INFINITY;

  /**
   * @param intervalMs the time between beats
   * @param timeoutMs the time within which a loss must be noticed. One beat is subtracted, because a loss is noticed
   *   only at a beat
   */
  constructor(intervalMs: number, timeoutMs: number) {
    this.#toleranceMs = timeoutMs - intervalMs;
  }

  /** A canary is sent now. Returns its number. */
  beat(now: number): number {
    const sequence = ++this.#sequence;
    this.#sent.set(sequence, now);
    for (const [old, at] of this.#sent) {
      if (now - at <= 2 * this.#toleranceMs) break;
      this.#sent.delete(old);
    }
    return sequence;
  }

  /** A canary arrived. Returns its round trip in ms, or undefined where this heartbeat does not wait for it. */
  arrived(sequence: number, now: number): number | undefined {
    const sentAt = this.#sent.get(sequence);
    if (sentAt === undefined) return undefined;
    for (const old of this.#sent.keys()) {
      if (old > sequence) break;
      this.#sent.delete(old);
    }
    this.#provenUntil = Math.max(this.#provenUntil, sentAt);
    return now - sentAt;
  }

  /** Whether the newest proof is recent enough. */
  alive(now: number): boolean {
    return now - this.#provenUntil <= this.#toleranceMs;
  }

  /** The link was lost: canaries that were sent before prove nothing. */
  reset(): void {
    this.#sent.clear();
    this.#provenUntil = Number.NEGATIVE_INFINITY;
  }
}
