/**
 * The highest rate in short windows. The best window shows what a generator can do: at first it compiles and
 * connects, and other programs may use the machine for a while.
 */
export class Peak {
  #perSecond = 0;
  #count = 0;
  #since = performance.now();
  readonly #windowMs: number;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  /** @param now from `performance.now()` */
  add(now: number): void {
    const elapsed = now - this.#since;
    if (elapsed >= this.#windowMs) {
      this.#perSecond = Math.max(this.#perSecond, (this.#count * 1000) / elapsed);
      this.#count = 0;
      this.#since = now;
    }
    this.#count++;
  }
}
