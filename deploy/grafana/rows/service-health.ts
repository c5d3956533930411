import { graph, states } from '../panels.ts';
import { metric, ofAll, percent, rate } from '../queries.ts';
import { SCALE_AT } from '../thresholds.ts';

/** The runbook's third section of 4.3: instances, processor and memory, health checks. */
export const serviceHealth = {
  title: 'Service Health',
  panels: [
    graph({
      title: 'Instance count',
      queries: [
        [ofAll('instance_count'), 'up'],
        [ofAll('instance_count_desired'), 'desired'],
      ],
      alert: 'CacheServiceDown',
    }),
    states({
      title: 'Health check status',
      description: 'Of each component, as /health has it, and whether the instance answers at all.',
      queries: [
        [`up{job="cache-service", namespace=~"$namespace", instance=~"$instance"}`, '{{instance}}'],
        [metric('service_health_status'), '{{instance}} {{component}}'],
      ],
      good: 1,
      names: ['unhealthy', 'healthy'],
    }),
    graph({
      title: 'CPU utilisation',
      description: 'Percent of one processor: requests are answered by one thread.',
      queries: [[`100 * ${rate('process_cpu_seconds_total')}`, '{{instance}}']],
      unit: 'percent',
      threshold: { warning: SCALE_AT.cpuPercent, critical: 100 },
    }),
    graph({
      title: 'Memory utilisation',
      description:
        'The lines are at 70 % of the memory of a pod, above which the runbook scales, and all of it.',
      queries: [[metric('process_resident_memory_bytes'), '{{instance}}']],
      unit: 'bytes',
      threshold: { warning: SCALE_AT.memoryBytes, critical: SCALE_AT.memoryBytes / 0.7 },
    }),
    graph({
      title: 'Memory within the process',
      queries: [
        [`sum by (instance) (${metric('nodejs_heap_size_used_bytes')})`, '{{instance}} heap'],
        [`sum by (instance) (${metric('nodejs_external_memory_bytes')})`, '{{instance}} outside the heap'],
        [`sum by (instance) (${metric('cache_service_memory_bytes')})`, '{{instance}} L1'],
      ],
      unit: 'bytes',
    }),
    graph({
      title: 'Event loop delay',
      description: 'Over OVERLOAD_LOOP_DELAY_MS all but L1 hits is refused.',
      queries: [
        [metric('ratecache_event_loop_delay_seconds'), '{{instance}}'],
        [metric('nodejs_eventloop_lag_p99_seconds'), '{{instance}} p99'],
      ],
      unit: 's',
      alert: 'CacheServiceShedding',
    }),
    graph({
      title: 'Garbage collection',
      description: 'Of the time, in percent.',
      queries: [[`100 * sum by (instance) (${rate('nodejs_gc_duration_seconds_sum')})`, '{{instance}}']],
      unit: 'percent',
    }),
    graph({
      title: 'Answers by status',
      queries: [[`sum by (class) (${rate('ratecache_http_responses_total')})`, '{{class}}']],
      unit: 'reqps',
      stacked: true,
    }),
    graph({
      title: '5xx answers',
      queries: [
        [
          percent(
            `sum by (instance) (${rate('ratecache_http_responses_total', 'class="5xx"')})`,
            `sum by (instance) (${rate('ratecache_http_responses_total')})`,
          ),
          '{{instance}}',
        ],
      ],
      unit: 'percent',
    }),
    graph({
      title: 'Open requests',
      queries: [[metric('ratecache_http_open_requests'), '{{instance}}']],
    }),
    graph({
      title: 'Uptime',
      description: 'A line that falls to 0 is a restart.',
      queries: [[`time() - ${metric('process_start_time_seconds')}`, '{{instance}}']],
      unit: 's',
    }),
    graph({
      title: 'Versions',
      queries: [
        [`count by (version, node) (${metric('ratecache_build_info')})`, '{{version}}, Node {{node}}'],
      ],
    }),
  ],
};
