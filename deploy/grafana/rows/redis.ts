import { graph } from '../panels.ts';
import { metric, ofAll, ofEach, percent, quantileMs, rate } from '../queries.ts';
import { THRESHOLDS } from '../thresholds.ts';

// Every instance reports the same server: `max` selects one value.
const commands = `max by (command) (${rate('redis_commands_total')})`;
const commandSeconds = `max by (command) (${rate('redis_commands_duration_seconds_total')})`;

/** The second section of the original runbook, 4.3: memory, connections, commands, response times. */
export const redis = {
  title: 'Redis Metrics',
  panels: [
    graph({
      title: 'Memory usage',
      description: 'Percent of maxmemory. No data if maxmemory is not set.',
      queries: [[ofAll('redis_memory_usage'), 'used']],
      unit: 'percent',
      threshold: THRESHOLDS.redis_memory_usage,
      alert: 'RedisHighMemoryUsage',
    }),
    graph({
      title: 'Memory',
      queries: [
        [`max (${metric('redis_memory_used_bytes')})`, 'used'],
        [`max (${metric('redis_memory_max_bytes')})`, 'maxmemory'],
      ],
      unit: 'bytes',
    }),
    graph({
      title: 'Connections of the service',
      description: 'An instance opens three (data, scans, link), and a fourth with values over 64 KiB.',
      queries: [
        [ofEach('redis_connections'), '{{instance}}'],
        [`max (${metric('redis_connections_max')})`, 'REDIS_MAX_CONNECTIONS'],
      ],
    }),
    graph({
      title: 'Connections of the server',
      description: 'Connections of all clients, in percent of maxclients.',
      queries: [[ofAll('redis_connections_usage'), 'used']],
      unit: 'percent',
      threshold: THRESHOLDS.redis_connections_usage,
      alert: 'RedisHighConnections',
    }),
    graph({
      title: 'Clients of the server',
      queries: [
        [`max (${metric('redis_connected_clients')})`, 'connected'],
        [`max (${metric('redis_max_clients')})`, 'maxclients'],
      ],
    }),
    graph({
      title: 'Commands by name',
      description: 'Commands of all clients of the server.',
      queries: [[commands, '{{command}}']],
      unit: 'ops',
      stacked: true,
    }),
    graph({
      title: 'Time per command',
      description: 'Time that the server spends on one command, without the network.',
      queries: [[`${commandSeconds} / (${commands} > 0)`, '{{command}}']],
      unit: 's',
    }),
    graph({
      title: 'Response time, p95',
      description:
        'Of commands, seen by this service. A command that is not answered in time counts as an error instead.',
      queries: [
        [ofAll('redis_response_time'), 'all'],
        [ofEach('redis_response_time'), '{{instance}}'],
      ],
      unit: 'ms',
      threshold: THRESHOLDS.redis_response_time,
      alert: 'RedisHighResponseTime',
    }),
    graph({
      title: 'Response time, percentiles',
      queries: [0.5, 0.95, 0.99].map(
        (q) => [quantileMs(q, 'redis_response_time_seconds'), `p${q * 100}`] as const,
      ),
      unit: 'ms',
    }),
    graph({
      title: 'Errors by reason',
      queries: [[`sum by (reason) (${rate('redis_error_total')})`, '{{reason}}']],
      unit: 'ops',
      alert: 'RedisConnectionFailed',
    }),
    graph({
      title: 'Keyspace hit rate',
      description: 'Of all clients of the server. For this service alone see Hit rate by cache level.',
      queries: [
        [
          percent(
            `max (${rate('redis_keyspace_hits_total')})`,
            `max (${rate('redis_keyspace_hits_total')}) + max (${rate('redis_keyspace_misses_total')})`,
          ),
          'hits',
        ],
      ],
      unit: 'percent',
    }),
    graph({
      title: 'Uptime',
      queries: [[`max (${metric('redis_uptime_seconds')})`, 'server']],
      unit: 's',
    }),
  ],
};
