import { getHeapStatistics } from 'node:v8';
import type { Load } from './exchange.ts';

/** What clients may leave unread, all together, before answers are sent only as they are read. */
const MOST_UNREAD_BYTES = 256 * 1024 * 1024;
const LOOK_MS = 100;

/**
 * Watches how much memory is in answers that clients have asked for and do not read. uWS keeps them and does not say
 * how much they are, but they are all that grows outside of V8: what the process has resident and V8 does not account
 * for; the unread of WebSockets, which has limits of its own, is in it. Past the limit `load.strict` has every answer sent as it is read, so that who does not read gets no more.
 */
export class Unread {
  readonly #load: Load;
  readonly #native: () => number;
  readonly #baseline: number;
  readonly #timer: NodeJS.Timeout;

  /** @param native bytes resident that are not V8's */
  constructor(load: Load, native: () => number = nativeBytes) {
    this.#load = load;
    this.#native = native;
    this.#baseline = native();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  look(): void {
    this.#load.strict = this.#native() - this.#baseline > MOST_UNREAD_BYTES;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function nativeBytes(): number {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
  return process.memoryUsage.rss() - heap - external;
}
