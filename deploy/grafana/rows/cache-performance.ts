import { graph } from '../panels.ts';
import { ofAll, ofEach, percent, quantileMs, rate } from '../queries.ts';
import { THRESHOLDS } from '../thresholds.ts';

const LOOKUPS = 'cache_service_lookups_total';
const DURATION = 'cache_service_request_duration_seconds';

/** The share of hits or misses in all look-ups that were either. */
function share(result: 'hit' | 'miss', ...by: readonly string[]): string {
  const sum = (results: string) => `sum by (${by.join(', ')}) (${rate(LOOKUPS, `result=~"${results}"`)})`;
  return percent(sum(result), sum('hit|miss'));
}

/** The first section of the original runbook, 4.3: hits and misses by level and type, latencies, errors. */
export const cachePerformance = {
  title: 'Cache Performance',
  panels: [
    graph({
      title: 'Hit rate',
      description: 'Reads that found a value in L1 or Redis.',
      queries: [
        [ofAll('cache_hit_rate'), 'all'],
        [ofEach('cache_hit_rate'), '{{instance}}'],
      ],
      unit: 'percent',
      threshold: THRESHOLDS.cache_hit_rate,
      alert: 'HighCacheMissRate',
    }),
    graph({
      title: 'Miss rate',
      queries: [
        [ofAll('cache_miss_rate'), 'all'],
        [ofEach('cache_miss_rate'), '{{instance}}'],
      ],
      unit: 'percent',
      threshold: THRESHOLDS.cache_miss_rate,
      alert: 'HighCacheMissRate',
    }),
    graph({
      title: 'Look-ups by cache level',
      description:
        'Each miss of local is a look-up in redis. stale: L1 answered with an older value, because Redis could not.',
      queries: [[`sum by (cache, result) (${rate(LOOKUPS)})`, '{{cache}} {{result}}']],
      unit: 'ops',
    }),
    graph({
      title: 'Hit rate by cache level',
      queries: [[share('hit', 'cache'), '{{cache}}']],
      unit: 'percent',
    }),
    graph({
      title: 'Hit rate by cache level and data type',
      queries: [[share('hit', 'cache', 'type'), '{{cache}} {{type}}']],
      unit: 'percent',
    }),
    graph({
      title: 'Miss rate by cache level and data type',
      queries: [[share('miss', 'cache', 'type'), '{{cache}} {{type}}']],
      unit: 'percent',
    }),
    graph({
      title: 'Request latency, p95',
      queries: [
        [ofAll('request_latency'), 'all'],
        [ofEach('request_latency'), '{{instance}}'],
      ],
      unit: 'ms',
      threshold: THRESHOLDS.request_latency,
      alert: 'CacheServiceHighLatency',
    }),
    graph({
      title: 'Request latency, percentiles',
      queries: [0.5, 0.95, 0.99].map((q) => [quantileMs(q, DURATION), `p${q * 100}`] as const),
      unit: 'ms',
    }),
    graph({
      title: 'Request latency by operation, p95',
      queries: [[quantileMs(0.95, DURATION, 'operation'), '{{operation}}']],
      unit: 'ms',
    }),
    graph({
      title: 'Requests by operation and outcome',
      queries: [
        [`sum by (operation, status) (${rate('cache_service_requests_total')})`, '{{operation}} {{status}}'],
      ],
      unit: 'reqps',
    }),
    graph({
      title: 'Error rate',
      description: 'Reads and changes that failed, and requests shed because of overload.',
      queries: [
        [ofAll('error_rate'), 'all'],
        [ofEach('error_rate'), '{{instance}}'],
      ],
      unit: 'percent',
      threshold: THRESHOLDS.error_rate,
      alert: 'CacheServiceErrorRate',
    }),
    graph({
      title: 'Errors and refusals',
      queries: [
        [
          `sum by (operation) (${rate('cache_service_requests_total', 'status="error"')})`,
          'failed {{operation}}',
        ],
        [`sum (${rate('ratecache_shed_requests_total')})`, 'shed because of overload'],
        [`sum by (class) (${rate('ratecache_http_responses_total', 'class="5xx"')})`, 'answered {{class}}'],
        [`sum (${rate('ratecache_http_aborted_total')})`, 'client disconnected'],
      ],
      unit: 'reqps',
      alert: 'CacheServiceShedding',
    }),
  ],
};
