/** What has arrived on a connection, so that a time-out can tell a silent Redis from one that sends a large reply. */
import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { LARGE_BYTES } from './large-keys.ts';

/** What ioredis does not declare. */
interface Inside {
  readonly stream?: Pick<Socket, 'bytesRead'>;
}

const progressOf = new WeakMap<object, ReplyProgress>();

/**
 * Counts the bytes of a connection by replies. Redis answers the commands of a connection in order: while a large
 * reply arrives, nothing behind it can. Small replies that arrive say nothing about the next one, since on a slow path
 * there are always some under way.
 */
class ReplyProgress {
  readonly #inside: Inside;
  /** How much had been read when the last reply was complete. */
  #completeAt = 0;
  /** How much had been read when the last large reply was complete. */
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

  /** Whether something was read since, and it belongs to a reply that is still incomplete or was large. */
  carried(since: number): boolean {
    const read = this.bytesRead;
    return read > since && (read > this.#completeAt || this.#largeAt > since);
  }
}

/** From now on `Arrivals` of this connection know what arrives. */
export function followReplies(redis: Redis): void {
  progressOf.set(redis, new ReplyProgress(redis));
}

/** A reply of this connection is complete. */
export function replied(redis: object): void {
  progressOf.get(redis)?.replied();
}

/** What arrives while a command waits for its reply. */
export class Arrivals {
  readonly #progress: ReplyProgress | undefined;
  #since: number;
  /** Whether a large reply was arriving at the last look. */
  large = false;

  constructor(redis: Redis) {
    this.#progress = progressOf.get(redis);
    this.#since = this.#progress?.bytesRead ?? 0;
  }

  /** Returns whether a large reply has been arriving since the last look, or since the beginning. */
  look(): boolean {
    const progress = this.#progress;
    if (progress === undefined) return false;
    this.large = progress.carried(this.#since);
    this.#since = progress.bytesRead;
    return this.large;
  }
}
