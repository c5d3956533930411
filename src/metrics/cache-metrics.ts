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
  readonly redis: Pick<RedisSource, 'info' | 'census'> | undefined;
}

/** The metrics of the cache itself, which ENABLE_CACHE_STATS=false leaves out. All begin with `cache_service_`. */
export function cacheMetrics(sources: CacheSources): Scraped[] {
  const { counters, memory, redis } = sources;
  return [
    counter(
      'cache_service_requests_total',
      'Cache operations. get: hit where either tier had a value, stale ones served while Redis was away included; ' +
        'miss where neither had; error where that could not be known. set: hit replaced a value, miss created one. ' +
        'delete: hit where the key was there, miss where it was not.',
      () =>
        Object.entries(outcomes(counters)).flatMap(([operation, byStatus]) =>
          Object.entries(byStatus).map(([status, value]) => ({ labels: { operation, status }, value })),
        ),
    ),
    histogram(
      'cache_service_request_duration_seconds',
      'Time from a request to its answer in seconds; local hits are sampled, and weighted accordingly.',
      [
        [{ operation: 'get' }, counters.getSeconds],
        [{ operation: 'set' }, counters.setSeconds],
        [{ operation: 'delete' }, counters.deleteSeconds],
      ],
    ),
    gauge(
      'cache_service_size',
      'Items in the cache by type. Those of redis are counted in the background, so some seconds old, and there ' +
        'are none before the first count or while Redis is away.',
      async () => [
        ...(memory === undefined ? [] : byType({ cache: 'local' }, memory.sizes)),
        ...(await redisSizes(redis)),
      ],
    ),
    counter(
      'cache_service_lookups_total',
      'Look-ups in each tier. A miss in local is one that redis was asked for; stale counts those of them that ' +
        'local answered past its freshness, because Redis could not be asked.',
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
      'Loads that joined one already on its way for their key.',
      () => counters.joinedFlights,
    ),
    counter(
      'cache_service_flights_fenced_total',
      'Loads whose answer was kept out of the local cache, because their key was written or invalidated meanwhile.',
      () => counters.fencedFlights,
    ),
    counter(
      'cache_service_unreadable_values_total',
      'Values found in Redis that this service cannot read; each was answered as a miss.',
      () => counters.unreadableValues,
    ),
  ];
}

function memoryMetrics(memory: Memory, counters: Counters): Scraped[] {
  return [
    gauge('cache_service_max_size', 'Items the cache may hold, of all types together.', () => [
      { labels: { cache: 'local' }, value: memory.maxEntries },
    ]),
    gauge(
      'cache_service_memory_bytes',
      'Bytes held by the cache: keys, values and an estimate of overhead.',
      () => [{ labels: { cache: 'local' }, value: memory.bytes }],
    ),
    counter('cache_service_evictions_total', 'Items the cache gave up for want of room.', () =>
      byType({ cache: 'local' }, counters.l1Evictions),
    ),
    counter(
      'cache_service_expirations_total',
      'Items the cache dropped because their time to live was over.',
      () => byType({ cache: 'local' }, counters.l1Expirations),
    ),
  ];
}

async function redisSizes(redis: CacheSources['redis']): Promise<Sample[]> {
  if (redis === undefined || !(await redis.info.status()).connected) return [];
  const counts = redis.census.latest();
  return counts === undefined ? [] : byType({ cache: 'redis' }, counts.byType);
}

function byType(labels: Sample['labels'], values: ArrayLike<number>): Sample[] {
  return TYPES.map((type, i) => ({ labels: { ...labels, type }, value: values[i]! }));
}
