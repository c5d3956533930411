import type { Memory } from '../cache/l1/memory.ts';
import { TYPES } from '../key.ts';
import type { Counters } from './counters.ts';
import { outcomes } from './outcomes.ts';
import type { RedisSource } from './redis-metrics.ts';
import { counter, gauge, histogram, type Sample, type Scraped } from './scraped.ts';

export interface CacheSources {
  readonly counters: Counters;
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone. */
  readonly redis: Pick<RedisSource, 'info' | 'keyCounter'> | undefined;
}

/** The metrics of the cache. Their names begin with `cache_service_`, and ENABLE_CACHE_STATS=false disables them. */
export function cacheMetrics(sources: CacheSources): Scraped[] {
  const { counters, memory, redis } = sources;
  return [
    counter(
      'cache_service_requests_total',
      'Cache operations. get: hit if a tier had a value, also a stale one; miss if no tier had one; error if L1 had no ' +
        'value and Redis did not answer. set: hit replaced a value, miss created one. delete: hit if the key existed, ' +
        'miss if not.',
      () =>
        Object.entries(outcomes(counters)).flatMap(([operation, byStatus]) =>
          Object.entries(byStatus).map(([status, value]) => ({ labels: { operation, status }, value })),
        ),
    ),
    histogram(
      'cache_service_request_duration_seconds',
      'Time from a request to its answer, in seconds. One L1 hit in 64 is timed and counts for all 64.',
      [
        [{ operation: 'get' }, counters.getSeconds],
        [{ operation: 'set' }, counters.setSeconds],
        [{ operation: 'delete' }, counters.deleteSeconds],
      ],
    ),
    gauge(
      'cache_service_size',
      'Items in each tier by type. Items in redis are counted in the background, so the numbers are some seconds old. ' +
        'They are absent before the first count and while Redis is unreachable.',
      async () => [
        ...(memory === undefined ? [] : byType({ cache: 'local' }, memory.sizes)),
        ...(await redisSizes(redis)),
      ],
    ),
    counter(
      'cache_service_lookups_total',
      'Lookups in each tier. A miss in local leads to a lookup in redis. stale counts the misses that local answered ' +
        'with a stale value, because Redis did not answer.',
      () => [
        ...(memory === undefined
          ? []
          : [
              ...byType({ cache: 'local', result: 'hit' }, counters.l1Hits),
              ...byType({ cache: 'local', result: 'miss' }, counters.l1Misses),
              ...byType({ cache: 'local', result: 'stale' }, counters.staleHits),
            ]),
        ...(redis === undefined
          ? []
          : [
              ...byType({ cache: 'redis', result: 'hit' }, counters.l2Hits),
              ...byType({ cache: 'redis', result: 'miss' }, counters.misses),
            ]),
      ],
    ),
    ...(memory === undefined ? [] : memoryMetrics(memory, counters)),
    counter(
      'cache_service_flights_joined_total',
      'Reads of Redis that joined an open read of the same key.',
      () => counters.joinedFlights,
    ),
    counter(
      'cache_service_flights_fenced_total',
      'Reads of Redis whose result did not fill L1, because the key was written or invalidated during the read.',
      () => counters.fencedFlights,
    ),
    counter(
      'cache_service_outdated_dependents_total',
      'Reads of a value in L1 or Redis that is older than one of its inputs: see DEPENDENCIES. Each is a miss.',
      () => counters.outdatedDependents,
    ),
    counter(
      'cache_service_unreadable_values_total',
      'Values in Redis with an unknown format. Each read of such a value is a miss.',
      () => counters.unreadableValues,
    ),
  ];
}

function memoryMetrics(memory: Memory, counters: Counters): Scraped[] {
  return [
    gauge('cache_service_max_size', 'Maximum number of items in L1: LOCAL_CACHE_MAX_SIZE.', () => [
      { labels: { cache: 'local' }, value: memory.maxEntries },
    ]),
    gauge(
      'cache_service_memory_bytes',
      'Memory of L1 in bytes: keys, values and an estimate of the overhead.',
      () => [{ labels: { cache: 'local' }, value: memory.bytes }],
    ),
    counter('cache_service_evictions_total', 'Items that L1 evicted.', () =>
      byType({ cache: 'local' }, counters.l1Evictions),
    ),
    counter('cache_service_expirations_total', 'Items that L1 removed because they had expired.', () =>
      byType({ cache: 'local' }, counters.l1Expirations),
    ),
  ];
}

async function redisSizes(redis: CacheSources['redis']): Promise<Sample[]> {
  if (redis === undefined || !(await redis.info.status()).connected) return [];
  const counts = redis.keyCounter.latest();
  return counts === undefined ? [] : byType({ cache: 'redis' }, counts.byType);
}

function byType(labels: Sample['labels'], values: ArrayLike<number>): Sample[] {
  return TYPES.map((type, i) => ({ labels: { ...labels, type }, value: values[i]! }));
}
