import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';
import type { Counters } from './counters.ts';
import { counter, gauge, type Scraped } from './scraped.ts';

export interface FaultSources {
  readonly counters: Counters;
  /** Undefined where no changes are kept. */
  readonly pendingWrites: PendingWrites | undefined;
  /** Whether Redis is not asked; undefined when standalone. */
  readonly breakerOpen: (() => boolean) | undefined;
  /** How far Redis's clock is ahead of the machine's, in ms; undefined when standalone. */
  readonly clockOffsetMs: (() => number) | undefined;
  /** Of the event loop, in ms. */
  readonly loopDelayMs: () => number;
}

/** The metrics of what the service does while something is wrong. */
export function faultMetrics(sources: FaultSources): Scraped[] {
  const { counters, pendingWrites, breakerOpen, clockOffsetMs, loopDelayMs } = sources;
  return [
    ...(clockOffsetMs === undefined
      ? []
      : [
          gauge(
            'cache_clock_offset_seconds',
            "How far Redis's clock is ahead of this machine's; the service uses Redis's.",
            () => clockOffsetMs() / 1000,
          ),
        ]),
    ...(pendingWrites === undefined ? [] : pendingWritesMetrics(pendingWrites)),
    counter(
      'ratecache_postponed_changes_total',
      'Sets and deletes that Redis did not take, kept in the pending writes.',
      () => counters.postponed,
    ),
    counter(
      'ratecache_superseded_changes_total',
      'Kept changes that were dropped because Redis holds a later version.',
      () => counters.supersededChanges,
    ),
    counter(
      'ratecache_shed_requests_total',
      'Requests refused because the event loop was late.',
      () => counters.shed,
    ),
    gauge(
      'ratecache_event_loop_delay_seconds',
      'How late the event loop was lately; over OVERLOAD_LOOP_DELAY_MS requests are refused.',
      () => loopDelayMs() / 1000,
    ),
    ...(breakerOpen === undefined
      ? []
      : [
          gauge('redis_breaker_open', 'Whether Redis is not asked, for it gave no answers: 1 or 0.', () =>
            breakerOpen() ? 1 : 0,
          ),
        ]),
  ];
}

function pendingWritesMetrics(pendingWrites: PendingWrites): Scraped[] {
  return [
    gauge('cache_pending_writes', 'Changes that have still to reach Redis.', () => pendingWrites.size),
    gauge('cache_pending_writes_bytes', 'Memory that they take.', () => pendingWrites.bytes),
    gauge(
      'cache_pending_writes_max',
      'Changes that are kept at most.',
      () => pendingWrites.limits.maxEntries,
    ),
    gauge(
      'cache_pending_writes_max_bytes',
      'Memory that they may take.',
      () => pendingWrites.limits.maxBytes,
    ),
    gauge(
      'cache_pending_writes_oldest_age_seconds',
      'How long the oldest of them has waited; 0 for none.',
      () => (pendingWrites.oldestAgeMs ?? 0) / 1000,
    ),
  ];
}
