/** What the operations of a WebSocket request need. */
import type { Clock } from '../cache/clock.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Hub } from './hub.ts';

export interface RequestDeps {
  readonly cache: TwoLevel;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly hub: Hub;
  readonly limits: RequestLimits;
  /** Whether the event loop is so late that only what L1 holds is still answered. */
  readonly overloaded: () => boolean;
  /** Told of what must not happen: the answer was `internal`, the log has the cause. */
  readonly onFault: (error: unknown) => void;
}

export interface RequestLimits {
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
  readonly maxBatchKeys: number;
  /** Subscriptions of one socket. */
  readonly maxSubscriptions: number;
}
