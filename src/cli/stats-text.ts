/** Formats the statistics of a service as tables for a terminal. */
import Table from 'cli-table3';
import { bytes, count, percent } from '../format.ts';
import { TYPES } from '../key.ts';
import type { HealthBody } from '../metrics/health.ts';
import type { StatsBody } from '../metrics/stats.ts';

/** The statistics and the health of a service at one moment. */
export interface Snapshot {
  readonly url: string;
  /** The time of `performance.now()`. */
  readonly atMs: number;
  readonly stats: StatsBody | { readonly enabled: false };
  readonly health: HealthBody;
}

type Row = readonly (string | number)[];

/** @param before an earlier snapshot, from which the rates per second are computed */
export function statsText(now: Snapshot, before?: Snapshot): string {
  const { url, stats, health } = now;
  const head = `ratecache ${health.version} at ${url}: ${health.status}`;
  if ('enabled' in stats)
    return `${head}\n${facts(health)}\nStatistics are disabled: ENABLE_CACHE_STATS is false.`;
  return [head, requestTable(now, stats, before), tierTable(stats), facts(health, stats)].join('\n');
}

function requestTable({ atMs }: Snapshot, { requests }: StatsBody, before?: Snapshot): string {
  const earlier = before && !('enabled' in before.stats) ? before.stats.requests : undefined;
  const rows = (['get', 'set', 'delete'] as const).map((op): Row => {
    const { hit, miss, error } = requests[op];
    const then = earlier?.[op];
    const since = then && hit + miss + error - then.hit - then.miss - then.error;
    // A negative difference means that the service has restarted.
    const pace =
      since !== undefined && since >= 0 ? count((since * 1000) / (atMs - before!.atMs)) : undefined;
    return [
      op,
      count(hit),
      count(miss),
      count(error),
      op === 'get' ? percent(hit / (hit + miss)) : '',
      ...(earlier === undefined ? [] : [pace ?? '']),
    ];
  });
  const head = ['requests', 'hit', 'miss', 'error', 'hit rate', ...(earlier === undefined ? [] : ['per s'])];
  return table(head, rows);
}

/** Items, hits and misses of each tier, by type. */
function tierTable({ local, redis, categories }: StatsBody): string {
  const row = (name: string, l1: Counted, l2: Pick<Counted, 'hits' | 'misses'>, keys: number | null): Row => [
    name,
    ...[l1.items, l1.hits, l1.misses].map(count),
    percent(l1.hits / (l1.hits + l1.misses)),
    ...[l1.evictions, l1.expirations].map(count),
    keys === null ? '' : count(keys),
    ...[l2.hits, l2.misses].map(count),
    percent(l2.hits / (l2.hits + l2.misses)),
  ];
  const rows = TYPES.map((type) =>
    row(type, local.by_type[type] ?? NONE, redis?.by_type[type] ?? NONE, categories[type] ?? null),
  );
  const keys = Object.values(categories).reduce<number | null>((sum, n) => (sum ?? 0) + n, null);
  const head = ['type', 'L1', 'hit', 'miss', 'rate', 'evicted', 'expired', 'Redis', 'hit', 'miss', 'rate'];
  return table(head, [...rows, row('all', local, redis ?? NONE, keys)]);
}

type Counted = Pick<StatsBody['local'], 'items' | 'hits' | 'misses' | 'evictions' | 'expirations'>;
const NONE: Counted = { items: 0, hits: 0, misses: 0, evictions: 0, expirations: 0 };

function facts(health: HealthBody, stats?: StatsBody): string {
  const { mode, coherence, redis, local_cache, pending_writes: pending } = health;
  const rows: Row[] = [];
  if (mode === 'standalone') rows.push(['Redis', 'not used (standalone)']);
  else if (!redis.connected) rows.push(['Redis', `unreachable: ${redis.error}`]);
  else rows.push(['Redis', redisText(health, stats)]);
  rows.push(['coherence', coherence]);
  const full = stats?.local.enabled
    ? ` of ${count(stats.local.max_items)} (${percent(stats.local.items / stats.local.max_items)})`
    : '';
  rows.push([
    'L1',
    local_cache.status === 'disabled'
      ? 'off'
      : `${count(local_cache.items)}${full}, ${bytes(local_cache.memory_bytes)}`,
  ]);
  if (stats !== undefined)
    rows.push(['flights', `${count(stats.flights.joined)} joined, ${count(stats.flights.fenced)} fenced`]);
  if (pending !== undefined) {
    const { entries, bytes: size, oldest_age_ms: age } = pending;
    const oldest = age === null ? '' : `, the oldest for ${span(age / 1000)}`;
    rows.push(['pending writes', entries === 0 ? 'none' : `${count(entries)}, ${bytes(size)}${oldest}`]);
  }
  return table([], rows);
}

function redisText({ redis }: HealthBody, stats?: StatsBody): string {
  const { redis_version, uptime_in_seconds, connected_clients, used_memory_human } =
    redis.server_info as Record<string, string | number>;
  const keys =
    stats?.connected && stats.keys_count !== null && stats.keys_counted_at !== null
      ? `, ${count(stats.keys_count)} keys at ${stats.keys_counted_at.slice(11, 19)} UTC`
      : '';
  if (redis_version === undefined) return `answers in ${redis.response_time_ms} ms, but rejects INFO${keys}`;
  return (
    `${redis_version}, answers in ${redis.response_time_ms} ms, up for ${span(Number(uptime_in_seconds))}, ` +
    `${connected_clients} clients, ${used_memory_human}${keys}`
  );
}

function table(head: string[], rows: readonly Row[]): string {
  const made = new Table({
    head,
    // Names are left-aligned, numbers right-aligned. A table without a head contains text only.
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  made.push(...rows.map((row) => [...row]));
  return made.toString();
}

/** Formats a duration with its two largest units: `3 d 4 h`. */
function span(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  const parts: readonly (readonly [unit: string, n: number])[] = [
    ['d', Math.floor(whole / 86_400)],
    ['h', Math.floor(whole / 3_600) % 24],
    ['min', Math.floor(whole / 60) % 60],
    ['s', whole % 60],
  ];
  const first = parts.findIndex(([, n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .map(([unit, n]) => `${n} ${unit}`)
    .join(' ');
}
