/** The counts of a service between two snapshots. */
import { TYPES } from '../key.ts';
import type { StatsBody } from '../metrics/stats.ts';
import type { Snapshot } from './snapshot.ts';

export interface Interval {
  readonly seconds: number;
  /** Counts are those of the interval; numbers of items and keys are the present ones. */
  readonly stats: StatsBody;
}

/** Returns undefined without statistics, and if the service has restarted: then a count is lower than before. */
export function intervalOf(now: Snapshot, before: Snapshot): Interval | undefined {
  if ('enabled' in now.stats || 'enabled' in before.stats) return undefined;
  const seconds = (now.atMs - before.atMs) / 1000;
  const { local, redis, requests, flights, latency, process } = now.stats;
  const then = before.stats;
  const difference = {
    ...now.stats,
    local: {
      ...less(local, then.local, LOCAL),
      by_type: byType(
        (type) => local.by_type[type] && less(local.by_type[type], then.local.by_type[type], LOCAL),
      ),
    },
    ...(redis && {
      redis: {
        ...less(redis, then.redis, LOOKUPS),
        by_type: byType(
          (type) => redis.by_type[type] && less(redis.by_type[type], then.redis?.by_type[type], LOOKUPS),
        ),
      },
    }),
    requests: {
      get: less(requests.get, then.requests.get, OUTCOMES),
      set: less(requests.set, then.requests.set, OUTCOMES),
      delete: less(requests.delete, then.requests.delete, OUTCOMES),
    },
    // An earlier version of the service does not report it.
    ...(process && then.process && { process: less(process, then.process, ['cpu_seconds']) }),
    flights: less(flights, then.flights, ['joined', 'fenced']),
    latency: {
      bounds_seconds: latency.bounds_seconds,
      get: lessEach(latency.get, then.latency.get),
      set: lessEach(latency.set, then.latency.set),
      delete: lessEach(latency.delete, then.latency.delete),
      redis: lessEach(latency.redis, then.latency.redis),
    },
  };
  const { get, set, delete: deletion } = difference.requests;
  const isLower = [get, set, deletion].some((each) => OUTCOMES.some((name) => each[name] < 0));
  const restarted = isLower || (difference.process?.cpu_seconds ?? 0) < 0;
  return restarted ? undefined : { seconds, stats: difference as StatsBody };
}

const LOOKUPS = ['hits', 'misses'] as const;
const LOCAL = [...LOOKUPS, 'stale', 'evictions', 'expirations'] as const;
const OUTCOMES = ['hit', 'miss', 'error'] as const;

/** Subtracts the members with these names. */
function less<Name extends string, Counts extends Readonly<Record<Name, number>>>(
  now: Counts,
  before: Readonly<Record<Name, number>> | undefined,
  names: readonly Name[],
): Counts {
  return { ...now, ...Object.fromEntries(names.map((name) => [name, now[name] - (before?.[name] ?? 0)])) };
}

function lessEach(now: readonly number[], before: readonly number[]): number[] {
  return now.map((count, i) => count - before[i]!);
}

function byType<T>(read: (type: (typeof TYPES)[number]) => T | undefined) {
  return Object.fromEntries(
    TYPES.map((type) => [type, read(type)]).filter(([, counts]) => counts !== undefined),
  );
}
