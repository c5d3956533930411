import { MANY_PROCESSES } from '../../loadtest/target/service.ts';
import type { Row } from './measure.ts';

/** The promises, without the delays of the machine. */
export const PROMISED = {
  /** The time after which every read returns an acknowledged write, in ms. */
  boundMs: 1000,
  /** The limit for the slowest read, in ms. */
  slowestMs: 100,
  /** The limit for the share of reads that waited for Redis. Without a circuit breaker every L1 miss waits. */
  slowShare: 0.2,
  noticedMs: 1000,
  recoveredMs: 5000,
  /** The limit for the growth of one process. */
  grownMiB: 50,
};

/** The limit of log lines for an outage: one for each connection, state and kind of error, not for each request. */
const LOG_LINES = 14;

/** The broken promises of a row; empty if the row is good. */
export function verdict(row: Row, slowestMs = PROMISED.slowestMs): string[] {
  const found = [
    row.reads < 300 && `only ${row.reads} reads`,
    row.failedReads > 0 && `${row.failedReads} reads failed`,
    row.slowestOwnMs > slowestMs && `a read took ${row.slowestOwnMs.toFixed(0)} ms`,
    row.slowShare > PROMISED.slowShare &&
      `${(row.slowShare * 100).toFixed(0)} % of the reads waited for Redis`,
    row.failedWrites > 0 && `${row.failedWrites} writes failed`,
    row.postpones && row.postponed === 0 && 'the fault had no effect: no write returned 202',
    !row.silent && row.noticedMs > PROMISED.noticedMs && `noticed after ${row.noticedMs.toFixed(0)} ms`,
    row.recoveredMs > PROMISED.recoveredMs && `recovered after ${row.recoveredMs.toFixed(0)} ms`,
    !row.repeats &&
      row.logLines > LOG_LINES * MANY_PROCESSES.count * row.outages &&
      `${row.logLines} lines were logged`,
    row.rssAfter - row.rssBefore > PROMISED.grownMiB * MANY_PROCESSES.count &&
      `grown by ${(row.rssAfter - row.rssBefore).toFixed(0)} MiB`,
  ].filter((each) => each !== false);
  if (row.mayLose) return found;
  return [...found, ...row.lost.slice(0, 5), ...row.stale.slice(0, 5)];
}
