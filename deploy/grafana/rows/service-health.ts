import { graph, states } from '../panels.ts';
import { metric, ofAll, percent, rate } from '../queries.ts';
import { SCALE_AT } from '../thresholds.ts';

/** The third section of the original runbook, 4.3: instances, CPU and memory, health checks. */
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
      description: 'State of each component in /health, and whether the instance answers its scrape.',
      queries: [
        [`up{job="cache-service", namespace=~"$namespace", instance=~"$instance"}`, '{{instance}}'],
        [metric('service_health_status'), '{{instance}} {{component}}'],
      ],
      good: 1,
      names: ['unhealthy', 'healthy'],
    }),
    graph({
      title: 'Processes',
      description: 'Processes of an instance, and those that answered the scrape. No data with PROCESSES=1.',
      queries: [
        [metric('ratecache_processes'), '{{instance}} configured'],
        [metric('ratecache_processes_answering'), '{{instance}} answering'],
      ],
      alert: 'CacheProcessNotAnswering',
    }),
    graph({
      title: 'Process restarts',
      description:
        'Processes that ended in 15 minutes and were restarted by their supervisor. No data with PROCESSES=1.',
      queries: [
        [
          `round(sum by (instance) (increase(${metric('ratecache_process_restarts_total')}[15m])))`,
          '{{instance}}',
        ],
      ],
      threshold: { warning: 1, critical: 3 },
      alert: 'CacheProcessRestarts',
    }),
    graph({
      title: 'CPU utilisation',
      description: 'Percent of one core: one thread answers all requests.',
      queries: [[`100 * ${rate('process_cpu_seconds_total')}`, '{{instance}} {{process}}']],
      unit: 'percent',
      threshold: { warning: SCALE_AT.cpuPercent, critical: 100 },
    }),
    graph({
      title: 'Memory utilisation',
      description:
        'The lines are at 70 % of the memory of a pod, where the runbook scales out, and at 100 %.',
      queries: [[metric('process_resident_memory_bytes'), '{{instance}} {{process}}']],
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
      description: 'Above OVERLOAD_LOOP_DELAY_MS the instance sheds everything except L1 hits.',
      queries: [
        [metric('ratecache_event_loop_delay_seconds'), '{{instance}} {{process}}'],
        [metric('nodejs_eventloop_lag_p99_seconds'), '{{instance}} {{process}} p99'],
      ],
      unit: 's',
      alert: 'CacheServiceShedding',
    }),
    graph({
      title: 'Garbage collection',
      description: 'Percent of the time.',
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
      title: 'Time left for the TLS certificate',
      description: 'No data without TLS.',
      queries: [[`${metric('ratecache_tls_certificate_expiry_timestamp_seconds')} - time()`, '{{instance}}']],
      unit: 's',
      alert: 'CacheTlsCertificateExpires',
    }),
    graph({
      title: 'Uptime',
      description: 'The line falls to 0 at a restart.',
      queries: [[`time() - ${metric('process_start_time_seconds')}`, '{{instance}} {{process}}']],
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
