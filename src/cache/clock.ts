/** The time as the cache reads it, in milliseconds since the epoch. Tests inject their own. */
export interface Clock {
  readonly now: number;
}

/** Where a `ServiceClock` gets its time from. */
export interface TimeSources {
  /** Milliseconds that only move forward. */
  readonly monotonic: () => number;
  /** The machine's wall clock, in milliseconds since the epoch. */
  readonly wall: () => number;
}

const SYSTEM: TimeSources = { monotonic: () => performance.now(), wall: () => Date.now() };

const TICK_MS = 10;

/** How fast two clocks may drift apart: 100 ms in 1,000 seconds is worse than any crystal. */
const DRIFT = 1e-4;

/** How wrong the machine's wall clock may be, compared with Redis's, before it is reported, in ms. */
export const SKEW_WARNING_MS = 250;

/** From here on the service reports that it is degraded. */
export const SKEW_DEGRADED_MS = 5000;

/** A correction of at least this is a step: what was stamped or dated before it must be moved along. */
export const STEP_MS = 250;

/**
 * The one clock of a service. It runs on the monotonic clock, so that a wall clock that is set back or forward
 * changes no deadline. All replicas set it by the clock of Redis (see `redis/clock-sync.ts`), so that their stamps
 * and deadlines mean the same everywhere. Without Redis it starts at the wall clock's time.
 *
 * From a question sent at `t0` and answered at `t1` with Redis's time `T` follows that Redis's clock is ahead of the
 * monotonic clock by at least `T - t1` and by at most `T - t0`. The clock keeps the intersection of these intervals.
 *
 * `now` costs a field read: a deadline compare on every hit cannot afford the 40 ns of reading a clock. It ticks every
 * 10 ms, so a deadline may be noticed that much late, and later still while the event loop is blocked.
 */
export class ServiceClock implements Clock {
  now: number;
  readonly #sources: TimeSources;
  readonly #timer: NodeJS.Timeout | undefined;
  /** The offset of Redis's clock from the monotonic clock lies between these; both are the same before a sample. */
  #low: number;
  #high: number;
  #sampledAt = 0;
  #synced = false;
  #doubted = false;

  /** @param tickMs 0 for a clock that is read by `exact` alone and whose `now` its owner sets */
  constructor(sources: TimeSources = SYSTEM, tickMs = TICK_MS) {
    this.#sources = sources;
    this.#low = sources.wall() - sources.monotonic();
    this.#high = this.#low;
    this.now = this.exact;
    if (tickMs === 0) return;
    this.#timer = setInterval(() => this.tick(), tickMs);
    this.#timer.unref();
  }

  /** The time without the coarseness of `now`, in whole milliseconds as well. */
  get exact(): number {
    return Math.floor(this.#sources.monotonic() + (this.#low + this.#high) / 2);
  }

  /** A time that Redis's clock has certainly reached: for deadlines that Redis is to enforce. */
  get reached(): number {
    return Math.floor(this.#sources.monotonic() + this.#low);
  }

  /** Whether it was set by the clock of the Redis that is connected now. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Whether Redis contradicted this clock since it last told its time. */
  get doubted(): boolean {
    return this.#doubted;
  }

  /** Redis contradicts this clock: Redis's clock was set, or this machine was paused. */
  doubt(): void {
    this.#doubted = true;
  }

  /** How far this clock is ahead of the machine's wall clock, in ms: what is wrong with the wall clock. */
  get wallOffsetMs(): number {
    return this.#sources.monotonic() + (this.#low + this.#high) / 2 - this.#sources.wall();
  }

  /** The monotonic time that `sample` wants. */
  get monotonic(): number {
    return this.#sources.monotonic();
  }

  tick(): void {
    this.now = this.exact;
  }

  /** The connection is new: what is known of Redis's clock may be about another server. */
  unsync(): void {
    this.#synced = false;
  }

  /**
   * Takes an answer of Redis to the question for its time.
   * @param sentAt, receivedAt of the monotonic clock
   * @param redisMs Redis's time, in milliseconds since the epoch
   * @returns by how much the clock was stepped, in ms; 0 for a correction too small to matter
   */
  sample(sentAt: number, redisMs: number, receivedAt: number): number {
    const before = (this.#low + this.#high) / 2;
    const [low, high] = [redisMs - receivedAt, redisMs - sentAt];
    const drift = (receivedAt - this.#sampledAt) * DRIFT;
    const narrowed = [Math.max(low, this.#low - drift), Math.min(high, this.#high + drift)] as const;
    // Intervals that do not meet: the first sample, another server, or a clock of Redis that was set.
    [this.#low, this.#high] = this.#synced && narrowed[0] <= narrowed[1] ? narrowed : [low, high];
    this.#sampledAt = receivedAt;
    this.#synced = true;
    this.#doubted = false;
    this.tick();
    const step = (this.#low + this.#high) / 2 - before;
    return Math.abs(step) < STEP_MS ? 0 : step;
  }

  /** Redis does not tell its time: the wall clock has to do. */
  trustWall(): void {
    this.#low = this.#sources.wall() - this.#sources.monotonic();
    this.#high = this.#low;
    this.#synced = true;
    this.tick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
