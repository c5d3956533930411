/** What one phase of an L1's life came to; times in milliseconds. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** The event loop was held up for at most this long. */
  readonly longestMs: number;
  /** The longest collection of the young generation, and the longest pause of one of the old. */
  readonly minorMs: number;
  readonly majorMs: number;
  /** Share of the time that went into collections. */
  readonly collecting: number;
}

export interface Pauses {
  readonly phases: readonly Phase[];
  /** Entries at the end, when all were over and swept. */
  readonly left: number;
}
