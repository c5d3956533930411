import type { RedisDetails, RedisInfo, RedisStatus } from '../redis/info.ts';
import type { Census } from '../redis/key-counts.ts';
import type { Counters } from './counters.ts';
import { counter, gauge, histogram, type Sample, type Scraped } from './scraped.ts';

export interface RedisSource {
  readonly info: Pick<RedisInfo, 'status'>;
  readonly census: Pick<Census, 'latest'>;
  /** Connections that this process has open now. */
  readonly connections: () => number;
  /** REDIS_MAX_CONNECTIONS. */
  readonly maxConnections: number;
}

/** What may go wrong, so that each reason has a series before it happens, and an alert sees the first time. */
const REASONS = ['connection', 'unavailable', 'timeout', 'rejected'] as const;

type Described = Extract<RedisStatus, { connected: true }> & { readonly details: RedisDetails };

/** The metrics of Redis; those of the server itself have no values while it does not answer INFO. */
export function redisMetrics(
  { info, connections, maxConnections }: RedisSource,
  counters: Counters,
): Scraped[] {
  const ifDescribed = (read: (status: Described) => number | Sample[]) => async () => {
    const status = await info.status();
    if (!status.connected || status.details === undefined) return [];
    return read({ ...status, details: status.details });
  };
  const detail = (name: Exclude<keyof RedisDetails, 'commands'>) =>
    ifDescribed(({ details }) => details[name]);

  return [
    histogram(
      'redis_response_time_seconds',
      'Time from sending a command, or a batch of them, to Redis until its reply, in seconds.',
      [[{}, counters.redisSeconds]],
    ),
    gauge('redis_connection_count', 'Connections to Redis that this process has open.', connections),
    gauge(
      'redis_connections_max',
      'Connections to Redis that this process may open: REDIS_MAX_CONNECTIONS.',
      () => maxConnections,
    ),
    counter(
      'redis_error_total',
      'Failures with Redis. connection: it could not be made, or broke; unavailable: not connected, so nothing ' +
        'was sent; timeout: no answer in time; rejected: Redis answered with an error.',
      () => {
        const reasons = new Set([...REASONS, ...counters.redisErrors.keys()]);
        return [...reasons].map((reason) => ({
          labels: { reason },
          value: counters.redisErrors.get(reason) ?? 0,
        }));
      },
    ),
    gauge('redis_memory_used_bytes', 'Memory that the Redis server uses.', detail('usedMemoryBytes')),
    gauge(
      'redis_memory_max_bytes',
      'Memory that the Redis server may use (maxmemory); 0 for no limit.',
      detail('maxMemoryBytes'),
    ),
    gauge(
      'redis_connected_clients',
      'Connections that the Redis server has from all its clients.',
      ifDescribed(({ server_info }) => server_info.connected_clients ?? []),
    ),
    gauge(
      'redis_max_clients',
      'Connections that the Redis server takes (maxclients); 0 where it does not tell.',
      detail('maxClients'),
    ),
    gauge(
      'redis_uptime_seconds',
      'Time since the Redis server started.',
      ifDescribed(({ server_info }) => server_info.uptime_in_seconds ?? []),
    ),
    counter(
      'redis_evicted_keys_total',
      'Keys that the Redis server gave up for want of memory.',
      detail('evictedKeys'),
    ),
    counter(
      'redis_expired_keys_total',
      'Keys of the Redis server whose time was over.',
      detail('expiredKeys'),
    ),
    counter(
      'redis_keyspace_hits_total',
      'Keys that the Redis server was asked for and held.',
      detail('keyspaceHits'),
    ),
    counter(
      'redis_keyspace_misses_total',
      'Keys that the Redis server was asked for and did not hold.',
      detail('keyspaceMisses'),
    ),
    counter(
      'redis_commands_total',
      'Commands that the Redis server ran, for all its clients.',
      ifDescribed(({ details }) =>
        details.commands.map(({ name, calls }) => ({ labels: { command: name }, value: calls })),
      ),
    ),
    counter(
      'redis_commands_duration_seconds_total',
      'Time that the Redis server spent running commands, for all its clients.',
      ifDescribed(({ details }) =>
        details.commands.map(({ name, seconds }) => ({ labels: { command: name }, value: seconds })),
      ),
    ),
  ];
}
