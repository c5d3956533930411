/** `/stats` of several processes of one service: the counts are sums. */
import { mergePendingWrites } from './pending-writes-body.ts';
import {
  type LatencyStats,
  type LocalStats,
  type LookupStats,
  type RedisStats,
  rate,
  type StatsBody,
} from './stats.ts';

/**
 * @param present of the processes that run, at least one
 * @param ended the last figures of processes that have ended: their counts are added, their items are not
 */
export function mergeStats(present: readonly StatsBody[], ended: readonly StatsBody[]): StatsBody {
  const all = [...present, ...ended];
  const [first] = present as [StatsBody];
  const requests = sumTree(all.map((body) => body.requests));
  const lookups = all.flatMap(({ redis }) => redis ?? []);
  const pendingWrites = mergePendingWrites(present);
  const servers = present.find((body) => body.servers !== undefined)?.servers;
  return {
    ...redisStats(present),
    local: localStats(present, ended),
    ...(lookups.length > 0 && { redis: withRates(sumTree(lookups)) }),
    requests: { ...requests, get: { ...requests.get, hit_rate: rate(requests.get.hit, requests.get.miss) } },
    flights: sumTree(all.map(({ flights }) => flights)),
    ...(pendingWrites && { pending_writes: pendingWrites }),
    ...(servers && { servers }),
    latency: {
      ...sumTree(all.map(({ latency }) => latency)),
      bounds_seconds: first.latency.bounds_seconds,
    } as LatencyStats,
    process: {
      cpu_seconds: all.reduce((sum, body) => sum + body.process.cpu_seconds, 0),
      event_loop_delay_ms: Math.max(...present.map((body) => body.process.event_loop_delay_ms)),
    },
    processes: present.length,
  };
}

/** All processes describe one server. The process that counted its keys last is the best informed. */
function redisStats(present: readonly StatsBody[]): RedisStats {
  const countedAt = (body: StatsBody) => (body.connected ? (body.keys_counted_at ?? '') : '');
  const best = present.reduce((a, b) =>
    b.connected && (!a.connected || countedAt(b) > countedAt(a)) ? b : a,
  );
  if (!best.connected) return { connected: false, keys_count: 0, memory_used: 0, categories: {} };
  const { connected, keys_count, memory_used, uptime, categories, keys_counted_at } = best;
  return {
    connected,
    keys_count,
    memory_used,
    ...(uptime === undefined ? {} : { uptime }),
    categories,
    keys_counted_at,
  };
}

function localStats(present: readonly StatsBody[], ended: readonly StatsBody[]): LocalStats {
  const now = sumTree(present.map(({ local }) => local));
  const counts = sumTree([...present, ...ended].map(({ local }) => local));
  const byType = Object.entries(counts.by_type).map(([type, each]) => [
    type,
    { ...each, items: now.by_type[type as keyof LocalStats['by_type']]?.items ?? 0 },
  ]);
  return withRates({
    ...counts,
    enabled: present.some(({ local }) => local.enabled),
    items: now.items,
    max_items: now.max_items,
    bytes: now.bytes,
    by_type: Object.fromEntries(byType),
  });
}

function withRates<T extends LocalStats | LookupStats>(stats: T): T {
  return { ...stats, hit_rate: rate(stats.hits, stats.misses) };
}

/** Adds the numbers of trees. A tree may lack members of another tree. Anything but a number is from the first tree. */
function sumTree<T>(given: readonly T[]): T {
  const trees = given.filter((tree) => tree !== undefined);
  const [first] = trees;
  if (typeof first === 'number') return trees.reduce((sum, each) => sum + Number(each), 0) as T;
  if (Array.isArray(first))
    return first.map((_, i) => sumTree((trees as unknown as unknown[][]).map((tree) => tree[i]))) as T;
  if (typeof first !== 'object' || first === null) return first as T;
  const objects = trees as readonly NonNullable<T>[];
  const names = new Set(objects.flatMap((tree) => Object.keys(tree))) as Set<keyof T>;
  return Object.fromEntries(
    [...names].map((name) => [name, sumTree(objects.map((tree) => tree[name]))]),
  ) as T;
}
