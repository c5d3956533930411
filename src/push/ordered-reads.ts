import type { Loaded } from '../cache/loaded.ts';

/** The open reads of one key. They are numbered from 1 while at least one is open. */
interface OpenReads {
  open: number;
  last: number;
  /** The results of reads up to this number do not count: clients have received a state that may be newer. */
  fenced: number;
}

/**
 * The order of the reads of each key. Results that arrive together may be handled in any order, because some take more
 * steps than others. A result that is handled after the result of a later read is older, and does not count.
 */
export class OrderedReads {
  readonly #open = new Map<string, OpenReads>();

  /**
   * Reads a key, and returns with the result whether it counts.
   * @param learn called with a result that counts, in the step that decides it. In a later step the result of a later
   *   read may have been handled
   */
  async read(
    key: string,
    read: () => Promise<Loaded>,
    learn: (loaded: Loaded) => void,
  ): Promise<[result: Loaded, counts: boolean]> {
    const reads = this.#open.get(key) ?? { open: 0, last: 0, fenced: 0 };
    reads.open++;
    const number = ++reads.last;
    this.#open.set(key, reads);
    try {
      const result = await read();
      const counts = number > reads.fenced;
      const known = result.source !== 'unknown' && result.source !== 'l1-stale';
      if (counts && known) reads.fenced = number;
      if (counts) learn(result);
      return [result, counts];
    } finally {
      if (--reads.open === 0) this.#open.delete(key);
    }
  }

  /** The results of all open reads of the key will not count. */
  fence(key: string): void {
    const reads = this.#open.get(key);
    if (reads !== undefined) reads.fenced = reads.last;
  }

  fenceAll(): void {
    for (const reads of this.#open.values()) reads.fenced = reads.last;
  }
}
