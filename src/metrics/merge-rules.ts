/** What the metrics of several processes of one service are together. */
import type { MetricData, Sample } from './scraped.ts';

/**
 * `sum`: the processes share it. `max`, `min`: the worst or latest of reports of one thing. `process`: each process has its
 * own series, with the label `process`.
 */
export type MergeRule = 'sum' | 'max' | 'min' | 'process';

/** Facts of the Redis server: every process reports the same server. */
const OF_REDIS: readonly string[] = [
  'redis_memory_used_bytes',
  'redis_memory_max_bytes',
  'redis_connected_clients',
  'redis_max_clients',
  'redis_uptime_seconds',
  'redis_evicted_keys_total',
  'redis_expired_keys_total',
  'redis_keyspace_hits_total',
  'redis_keyspace_misses_total',
  'redis_commands_total',
  'redis_commands_duration_seconds_total',
];

/** Every gauge has a row here, because a sum of gauges may mean nothing. A counter or a histogram without a row is a sum. */
const RULES: ReadonlyMap<string, MergeRule> = new Map<string, MergeRule>([
  ...OF_REDIS.map((name): [string, MergeRule] => [name, 'max']),
  ['redis_connection_count', 'sum'],
  ['redis_connections_max', 'sum'],
  ['redis_breaker_open', 'max'],
  ['service_health_status', 'min'],
  ['cache_service_max_size', 'sum'],
  ['cache_service_memory_bytes', 'sum'],
  ['cache_coherence_state', 'process'],
  ['cache_dead_sources', 'max'],
  ['cache_marks', 'max'],
  ['cache_clock_offset_seconds', 'process'],
  ['cache_pending_writes', 'sum'],
  ['cache_pending_writes_bytes', 'sum'],
  ['cache_pending_writes_max', 'sum'],
  ['cache_pending_writes_max_bytes', 'sum'],
  ['cache_pending_writes_oldest_age_seconds', 'max'],
  ['ratecache_event_loop_delay_seconds', 'process'],
  ['ratecache_tls_certificate_expiry_timestamp_seconds', 'min'],
  ['ratecache_http_open_requests', 'sum'],
  ['ratecache_ws_connections', 'process'],
  ['ratecache_event_streams', 'process'],
  ['ratecache_ws_subscriptions', 'sum'],
  ['ratecache_build_info', 'max'],
]);

/** The rule of one sample; undefined for a gauge without a rule. */
export function mergeRule(
  { name, type }: Pick<MetricData, 'name' | 'type'>,
  labels: Sample['labels'],
): MergeRule | undefined {
  if (/^(process|nodejs)_/.test(name)) return 'process';
  // Every process has an L1, and all of them count the keys of one Redis.
  if (name === 'cache_service_size') return labels.cache === 'local' ? 'sum' : 'max';
  return RULES.get(name) ?? (type === 'gauge' ? undefined : 'sum');
}
