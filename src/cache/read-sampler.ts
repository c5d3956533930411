import type { Entry } from './entry.ts';
import type { Loaded } from './loaded.ts';

/** The mean number of reads for each that is drawn. */
export const READS_PER_SAMPLE = 64;

/** @param size of the value in bytes: 0 if neither tier has one, undefined if the read could not find out */
export type OnSampledRead = (key: string, size: number | undefined) => void;

/**
 * Draws one read, or one write, in 64 on average. The distance to the next draw is random: at a fixed distance, a client that reads
 * its keys in a cycle would always be drawn with the same keys. A read that is not drawn costs a decrement.
 */
export class ReadSampler {
  readonly #onDraw: OnSampledRead | undefined;
  #left = distance();

  constructor(onDraw: OnSampledRead | undefined) {
    this.#onDraw = onDraw;
  }

  /** A read that L1 has answered with this entry. */
  read(key: string, entry: Entry): void {
    if (--this.#left > 0) return;
    this.#left = distance();
    this.#onDraw?.(key, entry.value.body.length);
  }

  /** A read that the promise answers. It is reported with its answer. @returns the promise */
  load(key: string, loading: Promise<Loaded>): Promise<Loaded> {
    if (this.#onDraw !== undefined && this.draws()) void this.#report(key, loading);
    return loading;
  }

  /** Counts one read or write, for a caller that acts itself. */
  draws(): boolean {
    if (--this.#left > 0) return false;
    this.#left = distance();
    return true;
  }

  async #report(key: string, loading: Promise<Loaded>): Promise<void> {
    const size = await loading.then(sizeOf, () => undefined);
    this.#onDraw?.(key, size);
  }
}

function sizeOf({ entry, source }: Loaded): number | undefined {
  return entry?.value.body.length ?? (source === 'unknown' ? undefined : 0);
}

/** From 1 to 127, 64 on average. */
function distance(): number {
  return 1 + Math.floor(Math.random() * (2 * READS_PER_SAMPLE - 1));
}
