import { graph, states } from '../panels.ts';
import { metric, ofEach, quantileMs, rate } from '../queries.ts';

const LAG = 'cache_coherence_lag_seconds';

/** What this design adds: the link between the instances, and what is kept while Redis is away. */
export const coherence = {
  title: 'Coherence and Pending Writes',
  panels: [
    states({
      title: 'Coherence',
      description:
        'Off: standalone, or ENABLE_PUBSUB=false. docs/coherence.md says what each state means for readers.',
      queries: [
        [`max by (instance) (${metric('cache_coherence_state', 'state=~"coherent|off"')})`, '{{instance}}'],
      ],
      good: 1,
      names: ['degraded or blind', 'coherent or off'],
    }),
    graph({
      title: 'Lag of the link, p95',
      description: "A change's way through Redis and back.",
      queries: [[ofEach('cache_coherence_lag'), '{{instance}}']],
      unit: 'ms',
      threshold: { warning: 250, critical: 1000 },
      alert: 'CacheInvalidationLinkLag',
    }),
    graph({
      title: 'Lag of the link, percentiles',
      queries: [0.5, 0.95, 0.99].map((q) => [quantileMs(q, LAG), `p${q * 100}`] as const),
      unit: 'ms',
    }),
    graph({
      title: 'Invalidations heard',
      queries: [[`sum by (source, reason) (${rate('cache_invalidations_total')})`, '{{source}} {{reason}}']],
      unit: 'ops',
      alert: 'CacheCoherenceLost',
    }),
    graph({
      title: 'Loads joined and fenced',
      queries: [
        [`sum (${rate('cache_service_flights_joined_total')})`, 'joined one on its way'],
        [`sum (${rate('cache_service_flights_fenced_total')})`, 'kept out of L1'],
        [`sum (${rate('cache_malformed_announcements_total')})`, 'messages not understood'],
      ],
      unit: 'ops',
    }),
    states({
      title: 'Breaker',
      description: 'Open: Redis gives no answers in time, and is not asked.',
      queries: [[metric('redis_breaker_open'), '{{instance}}']],
      good: 0,
      names: ['closed', 'open'],
    }),
    graph({
      title: 'Pending writes usage',
      description: 'Of the room for changes that Redis has still to be told of. Full, writes are refused.',
      queries: [[ofEach('cache_pending_writes_usage'), '{{instance}}']],
      unit: 'percent',
      threshold: { warning: 10, critical: 50 },
      alert: 'CachePendingWritesFilling',
    }),
    graph({
      title: 'Changes that wait for Redis',
      queries: [
        [metric('cache_pending_writes'), '{{instance}}'],
        [`sum (${rate('ratecache_postponed_changes_total')})`, 'new ones a second'],
      ],
      alert: 'CachePendingWritesFilling',
    }),
    graph({
      title: 'Oldest change that waits',
      queries: [[metric('cache_pending_writes_oldest_age_seconds'), '{{instance}}']],
      unit: 's',
      threshold: { warning: 60, critical: 300 },
      alert: 'CachePendingWritesStuck',
    }),
  ],
};
