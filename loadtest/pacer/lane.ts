import type { Prepared } from '../traffic/prepared.ts';

/** The answer to a request. */
export interface Answer {
  readonly status: string;
  readonly hits: number;
  readonly misses: number;
  /** The lane closes the connection after this answer, and is ready again at the next `onReady`. */
  readonly last?: true;
}

/**
 * A connection with at most one request in flight.
 *
 * 1. The caller uses `send` only while the lane is ready: after `onReady`, and after each `onAnswer` that is not `last`.
 * 2. After `send` the lane calls exactly one of `onAnswer` and `onBroken`, unless `reset` comes first.
 * 3. The lane also calls `onBroken` without a request in flight: it is then no longer ready. An HTTP lane also calls it
 *    after each connection attempt that failed.
 * 4. After `onBroken` and `reset` the lane reconnects after a pause, after a `last` answer at once, and calls `onReady`.
 */
export interface Lane {
  send(request: Prepared): void;
  /** Drops the request in flight, and closes the connection. */
  reset(): void;
  close(): void;
  onReady: () => void;
  onAnswer: (answer: Answer) => void;
  onBroken: () => void;
}

export type OpenLane = () => Lane;

/** Pause before a lane reconnects. */
export const RECONNECT_MS = 50;

const HIT = Buffer.from('"status":"hit"');

/** Number of hits among the items of an answer. */
export function hitsIn(body: Buffer, most: number): number {
  let hits = 0;
  for (let at = body.indexOf(HIT); at !== -1 && hits < most; at = body.indexOf(HIT, at + HIT.length)) hits++;
  return hits;
}
