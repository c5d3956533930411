const TICK_MS = 4;
/** What every timer is late by. */
const USUAL_MS = 2;

/** How long the machine held something up within a time, in ms. */
export type HeldUp = (from: number, to: number) => number;

/**
 * When the load generator itself was held up: its timers, and so its requests and the answers it reads, were
 * late by as much. A slow answer is the service's only as far as this does not explain it.
 */
export class Lag {
  readonly #late: { readonly from: number; readonly to: number }[] = [];
  readonly #timer: NodeJS.Timeout;
  #due = performance.now() + TICK_MS;

  constructor() {
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** How much of this time the generator was held up, in ms. */
  within(from: number, to: number): number {
    let sum = 0;
    for (let i = this.#late.length - 1; i >= 0; i--) {
      const late = this.#late[i]!;
      if (late.to < from) break;
      sum += Math.max(0, Math.min(late.to, to) - Math.max(late.from, from));
    }
    return sum;
  }

  /** The longest that it was held up since `from`, in ms. */
  longest(from: number): number {
    const since = this.#late.filter(({ to }) => to >= from);
    return Math.max(0, ...since.map((late) => late.to - late.from));
  }

  #tick(now: number): void {
    if (now - this.#due > USUAL_MS) this.#late.push({ from: this.#due, to: now });
    this.#due = now + TICK_MS;
  }
}
