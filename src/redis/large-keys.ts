import { Lru } from '../cache/lru.ts';

/** A value over this size is large: sending it takes longer than a round trip. */
export const LARGE_BYTES = 64 * 1024;

const MAX_KEYS = 4096;

/** The most recent 4,096 keys whose values in Redis are known to be large, from reads and own writes. */
export class LargeKeys {
  readonly #bytes = new Lru<number>(MAX_KEYS);

  /** Returns the last known size of the key's value, or 0 where it was not large. */
  bytesOf(key: string): number {
    return this.#bytes.size === 0 ? 0 : (this.#bytes.get(key) ?? 0);
  }

  /** Records the size of the key's value in Redis. */
  learn(key: string, bytes: number): void {
    if (bytes > LARGE_BYTES) this.#bytes.set(key, bytes);
    else if (this.#bytes.size > 0) this.#bytes.delete(key);
  }
}
