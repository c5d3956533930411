const TICK_MS = 4;
/** The usual delay of a timer. */
const USUAL_MS = 2;

/** The delay that the machine caused between two times, in ms. */
export type HeldUp = (from: number, to: number) => number;

/**
 * Records when the machine delayed the load generator: its timers, its requests and its reads of answers.
 * The service is responsible only for delays beyond these.
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

  /** The delay of the generator between two times, in ms. */
  within(from: number, to: number): number {
    // A delay that has just ended: Node runs the callbacks of sockets before its timers.
    let sum = this.#isLate(to) ? Math.max(0, to - Math.max(this.#due, from)) : 0;
    for (let i = this.#late.length - 1; i >= 0; i--) {
      const late = this.#late[i]!;
      if (late.to < from) break;
      sum += Math.max(0, Math.min(late.to, to) - Math.max(late.from, from));
    }
    return sum;
  }

  /** The longest delay of the generator since `from`, in ms. */
  longest(from: number): number {
    const since = this.#late.filter(({ to }) => to >= from);
    return Math.max(0, ...since.map((late) => late.to - late.from));
  }

  #isLate(now: number): boolean {
    return now - this.#due > USUAL_MS;
  }

  #tick(now: number): void {
    if (this.#isLate(now)) this.#late.push({ from: this.#due, to: now });
    this.#due = now + TICK_MS;
  }
}
