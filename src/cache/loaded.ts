import type { Entry } from './entry.ts';
import type { StoreError } from './store.ts';

/** Where a read found its answer, for `Cache-Status`, the metrics, and the reader who wants to know. */
export type Source =
  /** L1, fresh. */
  | 'l1'
  /** L2. */
  | 'l2'
  /** L1, past its freshness, because L2 could not be asked. */
  | 'l1-stale'
  /** A change that L2 has still to be told of: what it left, which may be nothing. */
  | 'pending'
  /** Neither tier holds the key. */
  | 'none'
  /** L1 does not hold the key, and L2 could not be asked. */
  | 'unknown';

export interface Loaded {
  readonly entry: Entry | undefined;
  readonly source: Source;
  /** Why L2 could not be asked, where it could not. */
  readonly fault?: StoreError;
  /** Whether L1 holds it from now on. */
  readonly kept?: boolean;
}
