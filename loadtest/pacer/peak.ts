/**
 * The best rate over short windows. What a generator can do shows in its best moments: the first go into compiling
 * and connecting, and a machine that was busy with something else says nothing about it.
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

  /** @param now as `performance.now()` */
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
