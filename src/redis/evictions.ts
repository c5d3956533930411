import type { Redis } from 'ioredis';
import type { Counters } from '../metrics/counters.ts';
import { parseInfo } from './info.ts';
import { sendCommand } from './send-command.ts';

export interface EvictionsOptions {
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/** A yes holds for a second, in which nothing is asked. */
const RECENT_MS = 1000;
/** A no holds for as long as this, so that a flood of deletions does not become one of questions. */
const QUIET_MS = 20;
const TIMEOUT_MS = 500;

/**
 * Whether Redis is giving up keys for want of room. It never says which: of a key that is gone before its time,
 * and that nobody says to have deleted, `evicted_keys` having moved lately is all that can be known.
 */
export class Evictions {
  readonly #redis: Redis;
  readonly #counters: Counters;
  readonly #now: () => number;
  #count: number | undefined;
  #movedAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #answer: Promise<void> | undefined;

  constructor(redis: Redis, counters: Counters, options: EvictionsOptions = {}) {
    this.#redis = redis;
    this.#counters = counters;
    this.#now = options.now ?? (() => performance.now());
    // Moved since when? Since the connection was made, at first; a server that came back counts from 0.
    redis.on('ready', () => {
      this.#count = undefined;
      void this.#look();
    });
    if (redis.status === 'ready') void this.#look();
  }

  /** Never rejects: where Redis does not answer, nothing is known of evictions. */
  async underWay(): Promise<boolean> {
    // A look that is out may have left before the key was gone.
    await this.#answer;
    const now = this.#now();
    if (now - this.#movedAt >= RECENT_MS && now - this.#askedAt >= QUIET_MS) {
      this.#askedAt = now;
      await this.#look();
    } else {
      await this.#answer;
    }
    return this.#now() - this.#movedAt < RECENT_MS;
  }

  #look(): Promise<void> {
    this.#answer = sendCommand(this.#redis, this.#counters, TIMEOUT_MS, (redis) => redis.info('stats'))
      .then((reply) => this.#compare(Number(parseInfo(reply).get('evicted_keys'))))
      .catch(() => {})
      .finally(() => {
        this.#answer = undefined;
      });
    return this.#answer;
  }

  #compare(count: number): void {
    if (this.#count !== undefined && count > this.#count) this.#movedAt = this.#now();
    this.#count = count;
  }
}
