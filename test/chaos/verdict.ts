import type { Row } from './measure.ts';

export interface Limits {
  /** Of the slowest read by its own time, in ms. */
  readonly slowestMs: number;
  /**
   * Of the reads that waited for Redis: a breaker lets few of them. Without one every read that L1 lacks waits,
   * and where the machine holds the service up others look as if they had.
   */
  readonly slowShare: number;
  readonly noticedMs: number;
  readonly recoveredMs: number;
  readonly grownMiB: number;
}

/** What is promised, where nothing else keeps the machine busy. */
export const PROMISED: Limits = {
  slowestMs: 100,
  slowShare: 0.2,
  noticedMs: 1000,
  recoveredMs: 5000,
  grownMiB: 50,
};
/** What is demanded where other tests run beside. */
export const DEMANDED: Limits = {
  slowestMs: 250,
  slowShare: 0.5,
  noticedMs: 2500,
  recoveredMs: 8000,
  grownMiB: 80,
};

/** A line for each connection, state and kind of error when it begins; not one for each request or attempt. */
const LOG_LINES = 14;

// While the machine held the generator up it may have held the service up as well: `lagMs` is on top.
/** What a row has that it must not have; nothing if all is well. */
export function verdict(row: Row, limits: Limits): string[] {
  const found = [
    row.reads < 300 && `only ${row.reads} reads`,
    row.failedReads > 0 && `${row.failedReads} reads failed`,
    row.slowestOwnMs > limits.slowestMs + row.lagMs && `a read took ${row.slowestOwnMs.toFixed(0)} ms`,
    row.slowShare > limits.slowShare && `${(row.slowShare * 100).toFixed(0)} % of the reads waited for Redis`,
    row.failedWrites > 0 && `${row.failedWrites} writes failed`,
    row.postpones && row.postponed === 0 && 'it did not strike: no write was answered 202',
    row.noticedMs > limits.noticedMs && `noticed after ${row.noticedMs.toFixed(0)} ms`,
    row.recoveredMs > limits.recoveredMs && `recovered after ${row.recoveredMs.toFixed(0)} ms`,
    !row.repeats && row.logLines > LOG_LINES && `${row.logLines} lines were logged`,
    row.rssAfter - row.rssBefore > limits.grownMiB &&
      `grown by ${(row.rssAfter - row.rssBefore).toFixed(0)} MiB`,
  ].filter((each) => each !== false);
  return [...found, ...row.lost.slice(0, 5), ...row.stale.slice(0, 5)];
}
