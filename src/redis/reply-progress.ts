/**
 * Tracks the bytes of a connection, so that a time-out can distinguish a silent Redis from one that sends a large
 * reply.
 */
import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { LARGE_BYTES } from './large-keys.ts';

/** Members that ioredis does not declare. */
interface Inside {
  readonly stream?: Pick<Socket, 'bytesRead'>;
}

const progressOf = new WeakMap<object, ReplyProgress>();

/**
 * Counts the bytes of a connection by replies. Redis answers the commands of a connection in order, so replies wait
 * behind a large one. Small replies are ignored: on a slow path some are always in flight, and they prove nothing about
 * the next.
 */
class ReplyProgress {
  readonly #inside: Inside;
  /** The byte count when the last reply was complete. */
  #completeAt = 0;
  /** The byte count when the last large reply was complete. */
  #largeAt = 0;

  constructor(redis: Redis) {
    this.#inside = redis as unknown as Inside;
    // A new socket counts from 0.
    redis.on('connect', () => {
      this.#completeAt = 0;
      this.#largeAt = 0;
    });
  }

  get bytesRead(): number {
    return this.#inside.stream?.bytesRead ?? 0;
  }

  replied(): void {
    const read = this.bytesRead;
    if (read - this.#completeAt > LARGE_BYTES) this.#largeAt = read;
    this.#completeAt = read;
  }

  /**
   * Returns whether bytes arrived after the byte count `since` that belong to an incomplete reply, or to a large one.
   */
  carried(since: number): boolean {
    const read = this.bytesRead;
    return read > since && (read > this.#completeAt || this.#largeAt > since);
  }
}

/** Starts to count the replies of a connection, for `Arrivals`. */
export function followReplies(redis: Redis): void {
  progressOf.set(redis, new ReplyProgress(redis));
}

/** A reply of this connection is complete. */
export function replied(redis: object): void {
  progressOf.get(redis)?.replied();
}

/** Observes the connection while one command waits for its reply. */
export class Arrivals {
  readonly #progress: ReplyProgress | undefined;
  #since: number;
  /** Whether a large reply was arriving at the last look. */
  large = false;

  constructor(redis: Redis) {
    this.#progress = progressOf.get(redis);
    this.#since = this.#progress?.bytesRead ?? 0;
  }

  /** Returns whether a large reply has been arriving since the last call, or since the command was sent. */
  look(): boolean {
    const progress = this.#progress;
    if (progress === undefined) return false;
    this.large = progress.carried(this.#since);
    this.#since = progress.bytesRead;
    return this.large;
  }
}
