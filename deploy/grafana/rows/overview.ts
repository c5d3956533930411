import { stat } from '../panels.ts';
import { ofAll } from '../queries.ts';
import { THRESHOLDS } from '../thresholds.ts';

export const overview = {
  title: 'Overview',
  panels: [
    stat({
      title: 'Alerts firing',
      queries: [
        [
          'count(ALERTS{job="cache-service", namespace=~"$namespace|", alertstate="firing"}) or vector(0)',
          '',
        ],
      ],
      threshold: { warning: 1, critical: 2 },
    }),
    stat({
      title: 'Instances',
      description: 'Instances that answer, and the desired number.',
      queries: [
        [ofAll('instance_count'), 'up'],
        [ofAll('instance_count_desired'), 'desired'],
      ],
      alert: 'CacheServiceDown',
    }),
    stat({
      title: 'Hit rate',
      queries: [[ofAll('cache_hit_rate'), '']],
      unit: 'percent',
      threshold: THRESHOLDS.cache_hit_rate,
      alert: 'HighCacheMissRate',
    }),
    stat({
      title: 'Latency, p95',
      queries: [[ofAll('request_latency'), '']],
      unit: 'ms',
      threshold: THRESHOLDS.request_latency,
      alert: 'CacheServiceHighLatency',
    }),
    stat({
      title: 'Error rate',
      queries: [[ofAll('error_rate'), '']],
      unit: 'percent',
      threshold: THRESHOLDS.error_rate,
      alert: 'CacheServiceErrorRate',
    }),
    stat({ title: 'Requests', queries: [[ofAll('request_rate'), '']], unit: 'reqps' }),
  ],
};
