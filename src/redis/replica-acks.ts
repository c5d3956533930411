/** Waits until replicas have acknowledged changes: REDIS_MIN_REPLICAS_ACK. */
import type { Redis } from 'ioredis';
import type { Counters } from '../metrics/counters.ts';
import { sendCommand } from './send-command.ts';

export interface ReplicaAcksOptions {
  /** How many replicas must acknowledge a change. */
  readonly count: number;
  /** Returns a key that this process may write on the server. */
  readonly markerKey: () => string;
}

/** The marker expires at once: only its way to the replicas counts. */
const MARKER_TTL_MS = 1000;

/**
 * `WAIT` blocks its connection until replicas have acknowledged all earlier writes of that connection, or until its
 * time-out. So it must follow the script on the same connection, and reads must use another one.
 */
export class ReplicaAcks {
  readonly #options: ReplicaAcksOptions;
  readonly #counters: Counters;

  constructor(options: ReplicaAcksOptions, counters: Counters) {
    this.#options = options;
    this.#counters = counters;
  }

  /**
   * Returns why changes count as not replicated, or undefined where enough replicas have acknowledged them.
   * @param madeEarlier whether another connection may have made a change. `WAIT` covers it only behind a new write.
   */
  async shortage(redis: Redis, timeoutMs: number, madeEarlier: boolean): Promise<string | undefined> {
    const { count, markerKey } = this.#options;
    // Half, so that the answer arrives in time.
    const waitMs = Math.max(1, Math.floor(timeoutMs / 2));
    try {
      const acknowledged = await sendCommand(redis, this.#counters, timeoutMs, async () => {
        const marked = madeEarlier ? redis.set(markerKey(), '', 'PX', MARKER_TTL_MS) : undefined;
        const [replicas] = await Promise.all([redis.wait(count, waitMs), marked]);
        return replicas;
      });
      if (acknowledged >= count) return undefined;
      return `${acknowledged} of ${count} replicas acknowledged the change within ${waitMs} ms`;
    } catch (error) {
      return `no replica is known to have the change: ${(error as Error).message}`;
    }
  }
}
