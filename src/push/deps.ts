/** The dependencies of the operations of WebSocket requests. */
import type { SlowRequests } from '../access/slow-requests.ts';
import type { Clock } from '../cache/clock.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { SocketAccess } from './authenticate.ts';
import type { Hub } from './hub.ts';
import type { QuotaLimits } from './quota.ts';

export interface RequestDeps {
  readonly cache: TwoLevel;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly hub: Hub;
  readonly access: SocketAccess;
  readonly limits: RequestLimits;
  /** Whether the event loop is so late that the service answers only L1 hits. */
  readonly overloaded: () => boolean;
  /** Returns undefined without SLOW_REQUEST_MS, which SIGHUP may change. */
  readonly slow?: (() => SlowRequests | undefined) | undefined;
  /** Undefined without traces. */
  readonly tracing?: Pick<Tracing, 'start'> | undefined;
  /** Receives the cause of every `internal` error, to log it. */
  readonly onFault: (error: unknown) => void;
}

export interface RequestLimits extends QuotaLimits {
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
  readonly maxBatchKeys: number;
  readonly maxAnswerBytes: number;
  /** Subscriptions per socket. */
  readonly maxSubscriptions: number;
}
