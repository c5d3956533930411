import type { Clock } from '../cache/clock.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Load } from './exchange.ts';

/** What a client may send at most. */
export interface Limits {
  readonly maxValueBytes: number;
  readonly maxKeyBytes: number;
  readonly maxBatchKeys: number;
  readonly maxBodyBytes: number;
  readonly maxBufferedBodyBytes: number;
}

/** What the handlers work with. */
export interface HttpDeps {
  readonly cache: TwoLevel;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly limits: Limits;
  readonly load: Load;
  /** Whether the event loop is so late that only L1 hits are still answered. */
  readonly overloaded: () => boolean;
  /** Told of what must not happen: the answer was `internal`, the log has the cause. */
  readonly onFault: (error: unknown) => void;
  /** Told when clients begin to leave too much unread, and when they no longer do: see `unread.ts`. */
  readonly onStrict: (strict: boolean, unreadBytes: number) => void;
}
