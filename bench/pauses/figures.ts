import type { Encoding } from '../../src/cache/entry.ts';
import type { Setting } from '../support/setting.ts';

/** How an entry comes into L1: read from Redis, or by a write, which without Redis keeps the version that it made. */
export type Origin = 'read' | 'written' | 'standalone';

/** What an entry takes, in bytes. */
export interface Bytes {
  readonly origin: Origin;
  readonly encoding: Encoding;
  /** Its key and its value. */
  readonly own: number;
  /** Beside them, on V8's heap and in the memory of buffers, as it comes in. */
  readonly beside: number;
  /** The same while the header lines of an answer are kept, and after the sweep that drops them. */
  readonly answered: number;
  readonly swept: number;
  /** Beside key and value, by what the process has resident: with whatever else that memory costs. */
  readonly resident: number;
}

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

/** One life of an L1. */
export interface Life {
  readonly encoding: Encoding;
  /** Half of the young generation at most, in MiB. */
  readonly semiSpace: number;
  readonly phases: readonly Phase[];
}

/** What one run gives. */
export interface Report extends Setting {
  readonly entries: number;
  readonly rounds: number;
  readonly bytes: readonly Bytes[];
  /** Of each encoding and size the calmest of all rounds. */
  readonly lives: readonly Life[];
}

export function longestOf(phases: readonly Phase[]): Phase {
  return phases.reduce((one, other) => (one.longestMs >= other.longestMs ? one : other));
}

/**
 * The round whose longest pause is the shortest. Not the least of each phase: a full collection comes now in this phase
 * and now in that one, and would be in none.
 */
export function calmestOf(rounds: readonly (readonly Phase[])[]): readonly Phase[] {
  return rounds.reduce((one, other) =>
    longestOf(one).longestMs <= longestOf(other).longestMs ? one : other,
  );
}
