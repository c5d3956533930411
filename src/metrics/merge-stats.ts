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
  return {
    ...redisStats(present),
    local: localStats(present, ended),
    ...(first.redis && { redis: withRates(sumTree(lookups)) }),
    requests: { ...requests, get: { ...requests.get, hit_rate: rate(requests.get.hit, requests.get.miss) } },
    flights: sumTree(all.map(({ flights }) => flights)),
    ...(first.pending_writes && {
      pending_writes: mergePendingWrites(present.flatMap(({ pending_writes: writes }) => writes ?? [])),
    }),
    ...(first.servers && { servers: first.servers }),
    latency: {
      ...sumTree(all.map(({ latency }) => latency)),
      bounds_seconds: first.latency.bounds_seconds,
    } as LatencyStats,
    processes: present.length,
  };
}

/** All processes describe one server: the one that counted its keys last is the best informed. */
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
    enabled: present[0]!.local.enabled,
    items: now.items,
    max_items: now.max_items,
    bytes: now.bytes,
    by_type: Object.fromEntries(byType),
  });
}

function withRates<T extends LocalStats | LookupStats>(stats: T): T {
  return { ...stats, hit_rate: rate(stats.hits, stats.misses) };
}

/** Adds the numbers of trees with the same members; anything else is that of the first tree. */
function sumTree<T>(trees: readonly T[]): T {
  const [first] = trees;
  if (typeof first === 'number') return trees.reduce((sum, each) => sum + Number(each), 0) as T;
  if (Array.isArray(first))
    return first.map((_, i) => sumTree((trees as unknown as unknown[][]).map((tree) => tree[i]))) as T;
  if (typeof first !== 'object' || first === null) return first as T;
  const names = Object.keys(first) as (keyof T)[];
  return Object.fromEntries(names.map((name) => [name, sumTree(trees.map((tree) => tree[name]))])) as T;
}
