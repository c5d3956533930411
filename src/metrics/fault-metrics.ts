import type { PendingWrites } from '../cache/pending-writes/pending-writes.ts';
import type { Counters } from './counters.ts';
import { counter, gauge, type Scraped, samplesOf } from './scraped.ts';
import { labelled, type ServerSource } from './servers.ts';

export interface FaultSources {
  readonly counters: Counters;
  /** Undefined when standalone, or if pending writes are disabled. */
  readonly pendingWrites: PendingWrites | undefined;
  /** Whether the circuit breaker is open; undefined when standalone. */
  readonly breakerOpen: (() => boolean) | undefined;
  /** The masters of a Cluster: each has a circuit breaker. */
  readonly servers?: (() => readonly ServerSource[]) | undefined;
  /** The clock of Redis minus the clock of this machine, in ms; undefined when standalone. */
  readonly clockOffsetMs: (() => number) | undefined;
  /** The delay of the event loop, in ms. */
  readonly loopDelayMs: () => number;
}

/** The metrics of faults and overload. */
export function faultMetrics(sources: FaultSources): Scraped[] {
  const { counters, pendingWrites, breakerOpen, servers, clockOffsetMs, loopDelayMs } = sources;
  return [
    ...(clockOffsetMs === undefined
      ? []
      : [
          gauge(
            'cache_clock_offset_seconds',
            'Clock of Redis minus clock of this machine, in seconds. The service uses the clock of Redis.',
            () => clockOffsetMs() / 1000,
          ),
        ]),
    ...(pendingWrites === undefined ? [] : pendingWritesMetrics(pendingWrites)),
    counter(
      'ratecache_postponed_changes_total',
      'Sets and deletes that became pending writes.',
      () => counters.postponed,
    ),
    counter(
      'ratecache_superseded_changes_total',
      'Pending writes that were dropped because a later version of the key is known.',
      () => counters.supersededChanges,
    ),
    counter(
      'ratecache_shed_requests_total',
      'Requests rejected because the event loop was late.',
      () => counters.shed,
    ),
    gauge(
      'ratecache_event_loop_delay_seconds',
      'Recent delay of the event loop in seconds. Above OVERLOAD_LOOP_DELAY_MS, requests are rejected.',
      () => loopDelayMs() / 1000,
    ),
    ...(breakerOpen === undefined
      ? []
      : [
          gauge(
            'redis_breaker_open',
            '1 while the circuit breaker is open, 0 while it is closed.',
            () =>
              servers?.().flatMap(({ name, breakerOpen: open }) => labelled(name, samplesOf(open ? 1 : 0))) ??
              (breakerOpen() ? 1 : 0),
          ),
        ]),
  ];
}

function pendingWritesMetrics(pendingWrites: PendingWrites): Scraped[] {
  return [
    gauge(
      'cache_pending_writes',
      'Pending writes: accepted writes that Redis does not have yet.',
      () => pendingWrites.size,
    ),
    gauge('cache_pending_writes_bytes', 'Memory of the pending writes.', () => pendingWrites.bytes),
    gauge(
      'cache_pending_writes_max',
      'Maximum number of pending writes: PENDING_WRITES_MAX_ENTRIES.',
      () => pendingWrites.limits.maxEntries,
    ),
    gauge(
      'cache_pending_writes_max_bytes',
      'Maximum memory of the pending writes: PENDING_WRITES_MAX_BYTES.',
      () => pendingWrites.limits.maxBytes,
    ),
    gauge(
      'cache_pending_writes_oldest_age_seconds',
      'Age of the oldest pending write in seconds; 0 if there is none.',
      () => (pendingWrites.oldestAgeMs ?? 0) / 1000,
    ),
  ];
}
