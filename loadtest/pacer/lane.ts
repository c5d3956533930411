import type { Prepared } from '../traffic/prepared.ts';

/** What the server made of a request. */
export interface Answer {
  readonly status: string;
  readonly hits: number;
  readonly misses: number;
}

/**
 * A connection with at most one request under way.
 *
 * 1. `send` is called only while it is ready: after `onReady`, and again after each `onAnswer`.
 * 2. After a `send` exactly one of `onAnswer` and `onBroken` is called, unless `reset` comes before.
 * 3. `onBroken` is also called where nothing was under way: it is not ready any more.
 * 4. After `onBroken` and `reset` it connects again, some time later, and calls `onReady`.
 */
export interface Lane {
  send(request: Prepared): void;
  /** Gives up the request under way, and the connection with it. */
  reset(): void;
  close(): void;
  onReady: () => void;
  onAnswer: (answer: Answer) => void;
  onBroken: () => void;
}

export type OpenLane = () => Lane;

/** How long a lane waits before it connects again, in milliseconds. */
export const RECONNECT_MS = 50;

const HIT = Buffer.from('"status":"hit"');

/** How many items of an answer are hits. */
export function hitsIn(body: Buffer, most: number): number {
  let hits = 0;
  for (let at = body.indexOf(HIT); at !== -1 && hits < most; at = body.indexOf(HIT, at + HIT.length)) hits++;
  return hits;
}
