import { graph } from '../panels.ts';
import { metric, ofEach, rate } from '../queries.ts';
import { THRESHOLDS } from '../thresholds.ts';

/** The fourth section of the original runbook, 4.3: items by type, evictions, expirations. */
export const cacheContents = {
  title: 'Cache Contents',
  panels: [
    graph({
      title: 'Items in L1 by data type',
      queries: [[`sum by (type) (${metric('cache_service_size', 'cache="local"')})`, '{{type}}']],
      stacked: true,
    }),
    graph({
      title: 'Items in Redis by data type',
      queries: [[`max by (type) (${metric('cache_service_size', 'cache="redis"')})`, '{{type}}']],
      stacked: true,
    }),
    graph({
      title: 'Items in L1 by instance',
      queries: [
        [ofEach('local_cache_size'), '{{instance}}'],
        [`max (${metric('cache_service_max_size')})`, 'LOCAL_CACHE_MAX_SIZE'],
      ],
    }),
    graph({
      title: 'L1 usage',
      description:
        'A full L1 is healthy: it evicts the least recently used entries. It is too small if evictions and L1 misses grow together.',
      queries: [[ofEach('local_cache_usage'), '{{instance}}']],
      unit: 'percent',
      threshold: THRESHOLDS.local_cache_usage,
    }),
    graph({
      title: 'Evictions from L1 by data type',
      queries: [[`sum by (type) (${rate('cache_service_evictions_total')})`, '{{type}}']],
      unit: 'ops',
    }),
    graph({
      title: 'Evictions from Redis',
      description: 'Of the whole Redis server, including other programs.',
      queries: [[`max (${rate('redis_evicted_keys_total')})`, 'keys']],
      unit: 'ops',
    }),
    graph({
      title: 'Expirations in L1 by data type',
      queries: [[`sum by (type) (${rate('cache_service_expirations_total')})`, '{{type}}']],
      unit: 'ops',
    }),
    graph({
      title: 'Key expirations in Redis',
      description: 'Of the whole Redis server, including other programs.',
      queries: [[`max (${rate('redis_expired_keys_total')})`, 'keys']],
      unit: 'ops',
    }),
    graph({
      title: 'Unreadable values',
      description: 'Values in Redis in an unknown format. Each read of them is a miss.',
      queries: [[`sum by (instance) (${rate('cache_service_unreadable_values_total')})`, '{{instance}}']],
      unit: 'ops',
    }),
    graph({
      title: 'Outdated calculations',
      description: 'Reads of values that are older than one of their inputs. Each read of them is a miss.',
      queries: [[`sum by (instance) (${rate('cache_service_outdated_dependents_total')})`, '{{instance}}']],
      unit: 'ops',
    }),
  ],
};
