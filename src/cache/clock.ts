/** The time as the cache reads it, in milliseconds since the epoch. Tests inject their own. */
export interface Clock {
  readonly now: number;
}

/** The clocks of the machine that a `ServiceClock` reads. */
export interface TimeSources {
  /** Milliseconds that only move forward. */
  readonly monotonic: () => number;
  /** The machine's wall clock, in milliseconds since the epoch. */
  readonly wall: () => number;
}

const SYSTEM: TimeSources = { monotonic: () => performance.now(), wall: () => Date.now() };

const TICK_MS = 10;

/** The greatest drift between two clocks: 100 ms in 1,000 seconds, which is worse than any crystal. */
const DRIFT = 1e-4;

/** From this difference between the machine's wall clock and Redis's clock on, the service logs a warning. */
export const SKEW_WARNING_MS = 250;

/** A correction of at least this is a step: earlier stamps and deadlines must be moved by the same amount. */
export const STEP_MS = 250;

/**
 * The only clock of a service. It runs on the monotonic clock, so a change of the wall clock moves no deadline. All
 * replicas set it by Redis's clock (see `redis/clock-sync.ts`), so their stamps and deadlines are comparable. Without
 * Redis it starts at the wall clock's time.
 *
 * A sample is a `TIME` command, sent at `t0` and answered at `t1` with Redis's time `T`. It proves that Redis's clock
 * is ahead of the monotonic clock by at least `T - t1` and at most `T - t0`. The clock intersects these intervals.
 *
 * `now` costs one field read, because a hit cannot afford the 40 ns of reading a clock. It ticks every 10 ms, so a
 * deadline may take effect 10 ms late, and later while the event loop is blocked.
 */
export class ServiceClock implements Clock {
  now: number;
  readonly #sources: TimeSources;
  readonly #timer: NodeJS.Timeout | undefined;
  /** Redis's clock is ahead of the monotonic clock by `#low` to `#high` ms. Both are equal before the first sample. */
  #low: number;
  #high: number;
  #sampledAt = 0;
  #synced = false;
  #doubted = false;

  /** @param tickMs 0 disables the ticks: the owner sets `now`, or reads only `exact` */
  constructor(sources: TimeSources = SYSTEM, tickMs = TICK_MS) {
    this.#sources = sources;
    this.#low = sources.wall() - sources.monotonic();
    this.#high = this.#low;
    this.now = this.exact;
    if (tickMs === 0) return;
    this.#timer = setInterval(() => this.tick(), tickMs);
    this.#timer.unref();
  }

  /** The exact time in whole milliseconds; unlike `now` it is read from the clock. */
  get exact(): number {
    return Math.floor(this.#sources.monotonic() + (this.#low + this.#high) / 2);
  }

  /** A time that Redis's clock has reached for certain. Deadlines that Redis enforces are counted from it. */
  get reached(): number {
    return Math.floor(this.#sources.monotonic() + this.#low);
  }

  /** Whether the Redis that is connected now has set this clock. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Whether a reply of Redis has contradicted this clock since the last sample. */
  get doubted(): boolean {
    return this.#doubted;
  }

  /** Records that a reply contradicts this clock: Redis's clock was changed, or this machine was paused. */
  doubt(): void {
    this.#doubted = true;
  }

  /** How far this clock is ahead of the machine's wall clock, in ms: the error of the wall clock. */
  get wallOffsetMs(): number {
    return this.#sources.monotonic() + (this.#low + this.#high) / 2 - this.#sources.wall();
  }

  /** The monotonic time, as `sample` expects it. */
  get monotonic(): number {
    return this.#sources.monotonic();
  }

  tick(): void {
    this.now = this.exact;
  }

  /** The connection is new, so the server and its clock may be different ones. */
  unsync(): void {
    this.#synced = false;
  }

  /**
   * Corrects the clock by a reply to `TIME`.
   * @param sentAt, receivedAt when the command was sent and answered, on the monotonic clock
   * @param redisMs Redis's time, in milliseconds since the epoch
   * @returns the step of the clock in ms, or 0 for a correction of less than `STEP_MS`
   */
  sample(sentAt: number, redisMs: number, receivedAt: number): number {
    const before = (this.#low + this.#high) / 2;
    const [low, high] = [redisMs - receivedAt, redisMs - sentAt];
    const drift = (receivedAt - this.#sampledAt) * DRIFT;
    const narrowed = [Math.max(low, this.#low - drift), Math.min(high, this.#high + drift)] as const;
    // The intervals do not overlap after a new server or a change of Redis's clock. Then only the new sample counts.
    [this.#low, this.#high] = this.#synced && narrowed[0] <= narrowed[1] ? narrowed : [low, high];
    this.#sampledAt = receivedAt;
    this.#synced = true;
    this.#doubted = false;
    this.tick();
    const step = (this.#low + this.#high) / 2 - before;
    return Math.abs(step) < STEP_MS ? 0 : step;
  }

  /** Redis refuses `TIME`: the clock follows the wall clock instead. */
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
