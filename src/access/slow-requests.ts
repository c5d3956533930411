/** Log lines about slow requests: what each of them waited for. */
import type { Logger } from '../log.ts';

/** Lines a second. The next line has the number of slow requests without a line. */
const LINES_A_SECOND = 10;

export interface SlowRequest {
  /** `GET /v1/cache/{key}`; `ws get` for the operation of a WebSocket. */
  readonly operation: string;
  readonly key?: string | undefined;
  /** The status or the code of the answer. */
  readonly outcome: string;
  /** From the request until its answer was sent. */
  readonly ms: number;
  /** The part of `ms` until the last byte of the body had arrived. Undefined without a body. */
  readonly bodyMs?: number | undefined;
  /** How long the request waited for Redis. 0 if it did not. */
  readonly redisMs?: number;
  /** The header `Cache-Status` of the answer: which tiers were asked. */
  readonly cacheStatus?: string | undefined;
}

export class SlowRequests {
  readonly thresholdMs: number;
  readonly #log: Logger;
  readonly #loopDelayMs: () => number;
  readonly #now: () => number;
  #second = 0;
  #lines = 0;
  #leftOut = 0;

  /**
   * @param loopDelayMs returns how late the event loop is
   * @param now monotonic milliseconds
   */
  constructor(
    thresholdMs: number,
    log: Logger,
    loopDelayMs: () => number,
    now: () => number = () => performance.now(),
  ) {
    this.thresholdMs = thresholdMs;
    this.#log = log;
    this.#loopDelayMs = loopDelayMs;
    this.#now = now;
  }

  /** Logs a request that took at least `thresholdMs`. */
  report({ operation, key, outcome, ms, bodyMs, redisMs = 0, cacheStatus }: SlowRequest): void {
    if (!this.#hasLine()) {
      this.#leftOut++;
      return;
    }
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#log.warn(
      {
        operation,
        key,
        outcome,
        ms: rounded(ms),
        body_ms: rounded(bodyMs),
        after_body_ms: bodyMs === undefined ? undefined : rounded(ms - bodyMs),
        redis_ms: rounded(redisMs) || undefined,
        event_loop_delay_ms: rounded(this.#loopDelayMs()),
        cache_status: cacheStatus,
        left_out: leftOut === 0 ? undefined : leftOut,
      },
      'slow request',
    );
  }

  #hasLine(): boolean {
    const second = Math.floor(this.#now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    return this.#lines++ < LINES_A_SECOND;
  }
}

function rounded(ms: number): number;
function rounded(ms: number | undefined): number | undefined;
function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10;
}
