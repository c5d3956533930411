import { getHeapStatistics } from 'node:v8';
import { ResidentMemory } from '../metrics/resident-memory.ts';
import type { Load } from './exchange.ts';

/** What clients may leave unread, all together, before answers are sent only as they are read. */
export const MOST_UNREAD_BYTES = 256 * 1024 * 1024;
const LOOK_MS = 100;

/** uWS drops a connection that takes nothing for ten seconds, so memory that stays for longer is not of the unread. */
const STRICT_AT_MOST_MS = 60_000;

/**
 * Watches how much memory is in answers that clients have asked for and do not read. uWS keeps them and does not say
 * how much they are, so it is taken for all that grows outside of V8: what the process has resident and V8 does not
 * account for. The unread of WebSockets, which has limits of its own, is in it, and what the system keeps of memory
 * that was freed. Past the limit `load.strict` has every answer sent as it is read, so that who does not read gets no
 * more; after a minute of that the rest must be of another kind, and is from then on taken for granted.
 */
export class Unread {
  readonly #load: Load;
  readonly #onChange: (strict: boolean, unread: number) => void;
  readonly #native: () => number;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #baseline: number;
  #strictSince = 0;

  /**
   * @param onChange told when strictness begins and ends, with the bytes that are taken for unread
   * @param native bytes resident that are not V8's
   */
  constructor(
    load: Load,
    onChange: (strict: boolean, unread: number) => void,
    native: () => number = nativeBytes(),
    now: () => number = () => performance.now(),
  ) {
    this.#load = load;
    this.#onChange = onChange;
    this.#native = native;
    this.#now = now;
    this.#baseline = native();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  look(): void {
    const load = this.#load;
    const native = this.#native();
    if (load.strict && this.#now() - this.#strictSince > STRICT_AT_MOST_MS) this.#baseline = native;
    const unread = native - this.#baseline;
    const strict = unread > MOST_UNREAD_BYTES;
    if (strict === load.strict) return;
    load.strict = strict;
    this.#strictSince = this.#now();
    this.#onChange(strict, unread);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function nativeBytes(): () => number {
  const resident = new ResidentMemory();
  return () => {
    const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
    return resident.read() - heap - external;
  };
}
