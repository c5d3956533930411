import { backoffMs } from './backoff.ts';

/** The longest pause between two probes: a probe is one small command of one connection. */
const LONGEST_PAUSE_MS = 2000;

export interface BreakerOptions {
  /** The number of failures in a row that opens the breaker. */
  readonly failures: number;
  /** The time within which a probe must be answered to close the breaker, in ms. */
  readonly timeoutMs: number;
}

export interface BreakerDeps {
  /** Sends a small command to Redis, without a deadline. */
  readonly probe: () => Promise<unknown>;
  /** Called each time the breaker opens or closes. */
  readonly onChange: (open: boolean) => void;
  readonly now?: () => number;
  readonly setTimer?: (callback: () => void, ms: number) => { unref(): unknown };
}

/**
 * The circuit breaker: it stops sending commands to a Redis that does not answer, so that few reads wait for a
 * time-out.
 *
 * 1. Closed: commands are sent. After `failures` failures in a row it opens.
 * 2. Open: every command fails at once. The breaker probes Redis, with growing and jittered pauses of up to 2 s. The
 *    first probe that is answered within `timeoutMs` closes it.
 *
 * A late answer to a probe shows that Redis runs again, for example after it was frozen. The next probe then follows at
 * once, so recovery takes one round trip and not the rest of the pause.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #deps: BreakerDeps;
  readonly #now: () => number;
  readonly #setTimer: NonNullable<BreakerDeps['setTimer']>;
  #failures = 0;
  #open = false;
  #attempt = 0;
  /** The number of the current pause. Earlier pauses have been replaced, and must not probe when they end. */
  #pause = 0;
  /** The number of the last probe. Only its late answer triggers the next probe. */
  #lastProbe = 0;

  constructor(options: BreakerOptions, deps: BreakerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
    this.#setTimer = deps.setTimer ?? setTimeout;
  }

  /** Whether commands fail at once. */
  get open(): boolean {
    return this.#open;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): void {
    if (this.#open || ++this.#failures < this.#options.failures) return;
    this.#open = true;
    this.#attempt = 0;
    this.#deps.onChange(true);
    this.#pauseThenProbe();
  }

  /** Redis may answer again, for example on a new connection: probes now instead of waiting for the pause to end. */
  probeNow(): void {
    if (this.#open) void this.#probe();
  }

  /** Stops probing. */
  stop(): void {
    this.#open = false;
    this.#pause++;
  }

  #pauseThenProbe(): void {
    const pause = ++this.#pause;
    const ms = backoffMs(this.#attempt++, Math.random, LONGEST_PAUSE_MS);
    this.#setTimer(() => {
      if (this.#open && pause === this.#pause) void this.#probe();
    }, ms).unref();
  }

  async #probe(): Promise<void> {
    this.#pauseThenProbe();
    const probe = ++this.#lastProbe;
    const start = this.#now();
    const answered = await this.#deps.probe().then(
      () => true,
      () => false,
    );
    if (!this.#open || !answered) return;
    if (this.#now() - start > this.#options.timeoutMs) {
      if (probe === this.#lastProbe) this.probeNow();
      return;
    }
    this.#open = false;
    this.#failures = 0;
    this.#pause++;
    this.#deps.onChange(false);
  }
}
