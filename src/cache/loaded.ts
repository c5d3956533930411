import type { LesserState } from './bus.ts';
import type { Entry } from './entry.ts';
import type { StoreError } from './store.ts';

/** Where a read found its answer; shown in `Cache-Status` and counted in the metrics. */
export type Source =
  /** L1, fresh. */
  | 'l1'
  /** L2. */
  | 'l2'
  /** L1, no longer fresh, because L2 did not answer. */
  | 'l1-stale'
  /** A pending write: its value, or no entry for a pending deletion. */
  | 'pending'
  /** Neither tier has the key. */
  | 'none'
  /** L1 does not have the key, and L2 did not answer. */
  | 'unknown';

export interface Loaded {
  readonly entry: Entry | undefined;
  readonly source: Source;
  /** Why L2 did not answer, for the sources `l1-stale` and `unknown`. */
  readonly fault?: StoreError;
  /** An input that has changed since the value in L2 was stored; set with the source `none`. */
  readonly outdatedBy?: string;
  /** Whether the read put the entry into L1. */
  readonly kept?: boolean;
  /** What a reader of the key could rely on, where that is less than coherence. */
  readonly lesser?: LesserState | undefined;
}
