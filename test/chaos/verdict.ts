import type { Row } from './measure.ts';

/** What is promised, without the time that the machine holds anybody up. */
export const PROMISED = {
  /** After how long what was acknowledged is seen, in ms. */
  boundMs: 1000,
  /** Of the slowest read by its own time, in ms. */
  slowestMs: 100,
  /** Of the reads that waited for Redis: a circuit breaker lets few of them. Without one, every read that L1 lacks waits. */
  slowShare: 0.2,
  noticedMs: 1000,
  recoveredMs: 5000,
  grownMiB: 50,
};

/** Of an outage: a line for each connection, state and kind of error when it begins, and not one for each request. */
const LOG_LINES = 14;

/** What a row has that it must not have; nothing if all is well. */
export function verdict(row: Row): string[] {
  const found = [
    row.reads < 300 && `only ${row.reads} reads`,
    row.failedReads > 0 && `${row.failedReads} reads failed`,
    row.slowestOwnMs > PROMISED.slowestMs && `a read took ${row.slowestOwnMs.toFixed(0)} ms`,
    row.slowShare > PROMISED.slowShare &&
      `${(row.slowShare * 100).toFixed(0)} % of the reads waited for Redis`,
    row.failedWrites > 0 && `${row.failedWrites} writes failed`,
    row.postpones && row.postponed === 0 && 'it did not strike: no write was answered 202',
    row.noticedMs > PROMISED.noticedMs && `noticed after ${row.noticedMs.toFixed(0)} ms`,
    row.recoveredMs > PROMISED.recoveredMs && `recovered after ${row.recoveredMs.toFixed(0)} ms`,
    !row.repeats &&
      row.logLines > LOG_LINES * Math.max(1, row.outages) &&
      `${row.logLines} lines were logged`,
    row.rssAfter - row.rssBefore > PROMISED.grownMiB &&
      `grown by ${(row.rssAfter - row.rssBefore).toFixed(0)} MiB`,
  ].filter((each) => each !== false);
  return [...found, ...row.lost.slice(0, 5), ...row.stale.slice(0, 5)];
}
