import type { Redis } from 'ioredis';
import { describeFault } from './describe-fault.ts';

/** Remembers why a connection to Redis is down. */
export class ConnectionFault {
  #text = '';
  /** Whether the present attempt to connect, or the open connection, has not failed yet. Its first error is the cause. */
  #unfailed = true;
  #ready: boolean;

  constructor(redis: Redis) {
    this.#ready = redis.status === 'ready';
    redis.on('connecting', () => {
      this.#unfailed = true;
    });
    redis.on('error', (error: Error) =>
      this.#failed(describeFault(error, redis.options.password ?? undefined)),
    );
    redis.on('ready', () => {
      this.#text = '';
      this.#unfailed = true;
      this.#ready = true;
    });
    // A server, or a proxy in front of it, may close a connection without an error.
    redis.on('close', () => {
      this.#failed(`the connection was closed${this.#ready ? '' : ' before Redis answered'}`);
      this.#ready = false;
    });
  }

  /** A sentence without secrets; empty while the connection is up, and before the first attempt has failed. */
  get text(): string {
    return this.#text;
  }

  #failed(text: string): void {
    if (this.#unfailed) this.#text = text;
    this.#unfailed = false;
  }
}
