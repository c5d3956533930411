/** The mean number of reads for each that is drawn. */
export const READS_PER_SAMPLE = 64;

/**
 * Draws one read, or one write, in 64 on average. The distance to the next draw is random: at a fixed distance, a client that reads
 * its keys in a cycle would always be drawn with the same keys. A read that is not drawn costs a decrement.
 */
export class ReadSampler {
  readonly #onDraw: ((key: string) => void) | undefined;
  #left = distance();

  constructor(onDraw: ((key: string) => void) | undefined) {
    this.#onDraw = onDraw;
  }

  read(key: string): void {
    if (--this.#left === 0) this.#draw(key);
  }

  /** As `read`, for a caller that acts itself. */
  draws(): boolean {
    if (--this.#left > 0) return false;
    this.#left = distance();
    return true;
  }

  #draw(key: string): void {
    this.#left = distance();
    this.#onDraw?.(key);
  }
}

/** From 1 to 127, 64 on average. */
function distance(): number {
  return 1 + Math.floor(Math.random() * (2 * READS_PER_SAMPLE - 1));
}
