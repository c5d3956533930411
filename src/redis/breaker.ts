import { backoffMs } from './backoff.ts';

/** The longest pause between two probes: a probe is one small command of one connection. */
const LONGEST_PAUSE_MS = 2000;

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** A probe that took longer than this proves nothing, in ms. */
  readonly timeoutMs: number;
}

export interface BreakerDeps {
  /** Asks Redis for something small; settles whenever the answer comes. */
  readonly probe: () => Promise<unknown>;
  /** Told of each change. */
  readonly onChange: (open: boolean) => void;
  readonly now?: () => number;
  readonly setTimer?: (callback: () => void, ms: number) => { unref(): unknown };
}

/**
 * Stops asking a Redis that does not answer, so that a reader pays for the outage once and not with every read.
 * After some failures in a row it opens: everything is refused at once. Open, it probes, with growing and
 * jittered pauses of at most 2 s, for ever; the first probe that is answered in time closes it. An answer that comes late (a
 * Redis that was frozen and runs again) is followed by the next probe at once, since it shows that there is
 * somebody; so recovery takes a round trip from then, and not the rest of the pause.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #deps: BreakerDeps;
  readonly #now: () => number;
  readonly #setTimer: NonNullable<BreakerDeps['setTimer']>;
  #failures = 0;
  #open = false;
  #attempt = 0;
  /** Of the pause that is running: one that was overtaken by a probe must not start another. */
  #pause = 0;
  /** Of the last probe: a late answer to an earlier one says nothing that the last will not say too. */
  #lastProbe = 0;

  constructor(options: BreakerOptions, deps: BreakerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
    this.#setTimer = deps.setTimer ?? setTimeout;
  }

  /** Whether everything is refused. */
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

  /** There is reason to hope, a new connection say: does not wait for the pause to end. */
  hint(): void {
    if (this.#open) void this.#probe();
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
      if (probe === this.#lastProbe) this.hint();
      return;
    }
    this.#open = false;
    this.#failures = 0;
    this.#pause++;
    this.#deps.onChange(false);
  }
}
