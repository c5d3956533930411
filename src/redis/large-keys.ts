import { Lru } from '../cache/lru.ts';

/** From this size on a value is large: sending it takes longer than the round trip. */
export const LARGE_BYTES = 64 * 1024;

const MAX_KEYS = 4096;

/** The keys whose values in Redis are known to be large, from reads and own writes; the most recent 4,096. */
export class LargeKeys {
  readonly #bytes = new Lru<number>(MAX_KEYS);

  /** The size of the key's value when it was last seen; 0 where it was not large. */
  bytesOf(key: string): number {
    return this.#bytes.size === 0 ? 0 : (this.#bytes.get(key) ?? 0);
  }

  /** The key's value in Redis has this size. */
  learn(key: string, bytes: number): void {
    if (bytes > LARGE_BYTES) this.#bytes.set(key, bytes);
    else if (this.#bytes.size > 0) this.#bytes.delete(key);
  }
}
