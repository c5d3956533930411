import { graph, states } from '../panels.ts';
import { metric, ofEach, quantileMs, rate } from '../queries.ts';

const LAG = 'cache_coherence_lag_seconds';

/** Not in the original runbook: the invalidation link, and pending writes. */
export const coherence = {
  title: 'Coherence and Pending Writes',
  panels: [
    states({
      title: 'Coherence',
      description:
        'The worst process or Redis server of each instance. off: standalone, or ENABLE_PUBSUB=false. docs/coherence.md describes what each state means for readers.',
      // A service of one process has no label process, and one Redis no label server.
      queries: [
        [
          `min by (instance) (max by (instance, process, server) (${metric('cache_coherence_state', 'state=~"coherent|off"')}))`,
          '{{instance}}',
        ],
      ],
      good: 1,
      names: ['degraded or blind', 'coherent or off'],
    }),
    graph({
      title: 'Lag of the link, p95',
      description: 'Time from sending a change to Redis until the link reports it.',
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
      title: 'Invalidations received',
      queries: [[`sum by (source, reason) (${rate('cache_invalidations_total')})`, '{{source}} {{reason}}']],
      unit: 'ops',
      alert: 'CacheCoherenceLost',
    }),
    graph({
      title: 'Loads joined and fenced',
      queries: [
        [`sum (${rate('cache_service_flights_joined_total')})`, 'joined an open load'],
        [`sum (${rate('cache_service_flights_fenced_total')})`, 'fenced: did not fill L1'],
        [`sum (${rate('cache_malformed_announcements_total')})`, 'malformed messages'],
      ],
      unit: 'ops',
    }),
    states({
      title: 'Circuit breaker',
      description: 'open: Redis did not answer in time, and is not used until a probe succeeds.',
      queries: [[metric('redis_breaker_open'), '{{instance}}']],
      good: 0,
      names: ['closed', 'open'],
    }),
    graph({
      title: 'Pending writes usage',
      description: 'Percent of the limit. At 100 % the instance answers writes with 503.',
      queries: [[ofEach('cache_pending_writes_usage'), '{{instance}}']],
      unit: 'percent',
      threshold: { warning: 10, critical: 50 },
      alert: 'CachePendingWritesFilling',
    }),
    graph({
      title: 'Pending writes',
      queries: [
        [metric('cache_pending_writes'), '{{instance}}'],
        [`sum (${rate('ratecache_postponed_changes_total')})`, 'new a second, all instances'],
      ],
      alert: 'CachePendingWritesFilling',
    }),
    graph({
      title: 'Oldest pending write',
      queries: [[metric('cache_pending_writes_oldest_age_seconds'), '{{instance}}']],
      unit: 's',
      threshold: { warning: 60, critical: 300 },
      alert: 'CachePendingWritesStuck',
    }),
    graph({
      title: 'Dead sources and marks',
      description: 'Values of dead sources are suspect. A mark makes keys suspect or halts them.',
      queries: [
        [`max (${metric('cache_dead_sources')})`, 'dead sources'],
        [`max by (state) (${metric('cache_marks')})`, 'marks: {{state}}'],
      ],
      unit: 'short',
      alert: 'CacheSourceDead',
    }),
  ],
};
