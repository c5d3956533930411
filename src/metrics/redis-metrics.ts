import type { RedisDetails, RedisInfo, RedisStatus } from '../redis/info.ts';
import type { KeyCounter } from '../redis/key-counter.ts';
import type { Counters } from './counters.ts';
import { counter, gauge, histogram, type Sample, type Scraped, samplesOf } from './scraped.ts';
import { labelled, type ServerSource } from './servers.ts';

export interface RedisSource {
  readonly info: Pick<RedisInfo, 'status'>;
  readonly keyCounter: Pick<KeyCounter, 'latest'>;
  /** Connections of this process that are ready. */
  readonly connections: () => number;
  /** REDIS_MAX_CONNECTIONS. */
  readonly maxConnections: number;
  /** The masters of a Cluster. The metrics of a server then have the label `server`. */
  readonly servers?: (() => readonly ServerSource[]) | undefined;
}

/** Reasons that have a series from the start, so that an alert detects the first error. */
const REASONS = ['connection', 'unavailable', 'timeout', 'rejected'] as const;

type Described = Extract<RedisStatus, { connected: true }> & { readonly details: RedisDetails };

/** The metrics of Redis. Metrics of the server have no values while it does not answer INFO. */
export function redisMetrics(
  { info, connections, maxConnections, servers }: RedisSource,
  counters: Counters,
): Scraped[] {
  const sources = () => servers?.() ?? [{ name: undefined, info }];
  const ifDescribed = (read: (status: Described) => number | Sample[]) => async () => {
    const samples = sources().map(async ({ name, info: source }) => {
      const status = await source.status();
      if (!status.connected || status.details === undefined) return [];
      return labelled(name, samplesOf(read({ ...status, details: status.details })));
    });
    return (await Promise.all(samples)).flat();
  };
  const detail = (name: Exclude<keyof RedisDetails, 'commands'>) =>
    ifDescribed(({ details }) => details[name]);

  return [
    histogram(
      'redis_response_time_seconds',
      'Time from sending a command, or a batch of commands, to its reply, in seconds.',
      [[{}, counters.redisSeconds]],
    ),
    gauge('redis_connection_count', 'Open connections of this process to Redis.', connections),
    gauge(
      'redis_connections_max',
      'Maximum number of connections of this process to Redis: REDIS_MAX_CONNECTIONS.',
      () => maxConnections,
    ),
    counter(
      'redis_error_total',
      'Errors of Redis. connection: it failed or was lost; unavailable: not connected, so nothing was sent; ' +
        'timeout: no answer in time; rejected: Redis answered with an error.',
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
      'Memory limit of the Redis server (maxmemory); 0 for no limit.',
      detail('maxMemoryBytes'),
    ),
    gauge(
      'redis_connected_clients',
      'Connections of all clients to the Redis server.',
      ifDescribed(({ server_info }) => server_info.connected_clients ?? []),
    ),
    gauge(
      'redis_max_clients',
      'Connection limit of the Redis server (maxclients); 0 if unknown.',
      detail('maxClients'),
    ),
    gauge(
      'redis_uptime_seconds',
      'Time since the Redis server started.',
      ifDescribed(({ server_info }) => server_info.uptime_in_seconds ?? []),
    ),
    counter(
      'redis_evicted_keys_total',
      'Keys that the Redis server evicted because of maxmemory.',
      detail('evictedKeys'),
    ),
    counter('redis_expired_keys_total', 'Keys of the Redis server that expired.', detail('expiredKeys')),
    counter(
      'redis_keyspace_hits_total',
      'Successful lookups of keys in the Redis server.',
      detail('keyspaceHits'),
    ),
    counter(
      'redis_keyspace_misses_total',
      'Failed lookups of keys in the Redis server.',
      detail('keyspaceMisses'),
    ),
    counter(
      'redis_commands_total',
      'Commands that the Redis server ran for all clients.',
      ifDescribed(({ details }) =>
        details.commands.map(({ name, calls }) => ({ labels: { command: name }, value: calls })),
      ),
    ),
    counter(
      'redis_commands_duration_seconds_total',
      'Time that the Redis server spent on commands of all clients, in seconds.',
      ifDescribed(({ details }) =>
        details.commands.map(({ name, seconds }) => ({ labels: { command: name }, value: seconds })),
      ),
    ),
  ];
}
