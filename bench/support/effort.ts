/** How long is measured. */
export interface Effort {
  /** Each benchmark is measured this often, in turn with the others of its group. */
  readonly rounds: number;
  /** Milliseconds of each round. */
  readonly roundMs: number;
  /** Milliseconds before the first round that are not counted. */
  readonly warmupMs: number;
  /** Milliseconds of the reference loop, before and after each round. */
  readonly referenceMs: number;
}

/** All of `make bench` in two to four minutes. */
export const NORMAL: Effort = { rounds: 7, roundMs: 60, warmupMs: 120, referenceMs: 6 };

/** All of it in well under a minute: for looking whether it runs, not for figures to keep. */
export const QUICK: Effort = { rounds: 3, roundMs: 12, warmupMs: 40, referenceMs: 2 };
