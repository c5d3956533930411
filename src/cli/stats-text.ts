/** Formats the statistics of a service as tables for a terminal. */
import Table from 'cli-table3';
import { bytes, count, percent, short, significant, span } from '../format.ts';
import { TYPES } from '../key.ts';
import type { HealthBody } from '../metrics/health.ts';
import type { StatsBody } from '../metrics/stats.ts';
import { intervalOf } from './interval.ts';
import { processesText } from './processes-text.ts';
import type { Snapshot } from './snapshot.ts';

type Row = readonly (string | number)[];

/** @param before an earlier snapshot: then counts and rates are those of the time since it */
export function statsText(now: Snapshot, before?: Snapshot): string {
  const { url, stats, health } = now;
  const head = `ratecache ${health.version} at ${url}: ${health.status}`;
  if ('enabled' in stats)
    return `${head}\n${facts(health)}\nStatistics are disabled: ENABLE_CACHE_STATS is false.`;
  const interval = before && intervalOf(now, before);
  const shown = interval?.stats ?? stats;
  return [
    head,
    interval === undefined ? 'Since the start:' : `In the last ${significant(interval.seconds)} s:`,
    requestTable(shown, interval?.seconds),
    ...staleLine(shown),
    localTable(shown),
    ...(shown.redis === undefined ? [] : [redisTable(shown)]),
    facts(health, stats),
  ].join('\n');
}

function requestTable({ requests }: StatsBody, seconds: number | undefined): string {
  const rows = (['get', 'set', 'delete'] as const).map((op): Row => {
    const { hit, miss, error } = requests[op];
    return [
      op,
      short(hit),
      short(miss),
      short(error),
      op === 'get' ? percent(hit / (hit + miss)) : '',
      ...(seconds === undefined ? [] : [short((hit + miss + error) / seconds)]),
    ];
  });
  const head = ['requests', 'hit', 'miss', 'error', 'hit rate', ...(seconds === undefined ? [] : ['per s'])];
  return table(head, rows);
}

/** These reads are hits above, and misses of L1 below. An earlier version of the service does not count them. */
function staleLine({ local: { stale = 0 } }: { readonly local: Partial<StatsBody['local']> }): string[] {
  return stale > 0 ? [`Stale: ${count(stale)} of the get hits, because Redis did not answer.`] : [];
}

/** Items, hits and misses of L1, by type. */
function localTable({ local }: StatsBody): string {
  const row = (name: string, { items, hits, misses, evictions, expirations }: Counted): Row => [
    name,
    ...[items, hits, misses].map(short),
    percent(hits / (hits + misses)),
    ...[evictions, expirations].map(short),
  ];
  const rows = TYPES.map((type) => row(type, local.by_type[type] ?? NONE));
  return table(
    ['L1', 'items', 'hit', 'miss', 'hit rate', 'evicted', 'expired'],
    [...rows, row('all types', local)],
  );
}

/** Keys in Redis, and the reads that L1 could not answer, by type. */
function redisTable({ redis, categories }: StatsBody): string {
  const row = (
    name: string,
    { hits, misses }: Pick<Counted, 'hits' | 'misses'>,
    keys: number | null,
  ): Row => [
    name,
    keys === null ? '' : short(keys),
    ...[hits, misses].map(short),
    percent(hits / (hits + misses)),
  ];
  const rows = TYPES.map((type) => row(type, redis?.by_type[type] ?? NONE, categories[type] ?? null));
  const keys = Object.values(categories).reduce<number | null>((sum, n) => (sum ?? 0) + n, null);
  return table(
    ['Redis', 'keys', 'hit', 'miss', 'hit rate'],
    [...rows, row('all types', redis ?? NONE, keys)],
  );
}

type Counted = Pick<StatsBody['local'], 'items' | 'hits' | 'misses' | 'evictions' | 'expirations'>;
const NONE: Counted = { items: 0, hits: 0, misses: 0, evictions: 0, expirations: 0 };

function facts(health: HealthBody, stats?: StatsBody): string {
  const { mode, coherence, redis, local_cache, pending_writes: pending, processes } = health;
  const rows: Row[] = [];
  if (mode === 'standalone') rows.push(['Redis', 'not used (standalone)']);
  else if (!redis.connected) rows.push(['Redis', `unreachable: ${redis.error}`]);
  else {
    rows.push(['Redis', redisText(health)]);
    if (stats?.connected && stats.keys_count !== null && stats.keys_counted_at !== null)
      rows.push([
        'keys in Redis',
        `${count(stats.keys_count)} at ${stats.keys_counted_at.slice(11, 19)} UTC`,
      ]);
  }
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
  if (processes !== undefined) rows.push(['processes', processesText(processes)]);
  if (stats !== undefined)
    rows.push(['flights', `${count(stats.flights.joined)} joined, ${count(stats.flights.fenced)} fenced`]);
  if (pending !== undefined) {
    const { entries, bytes: size, oldest_age_ms: age } = pending;
    const oldest = age === null ? '' : `, the oldest for ${span(age / 1000)}`;
    rows.push(['pending writes', entries === 0 ? 'none' : `${count(entries)}, ${bytes(size)}${oldest}`]);
  }
  return table([], rows);
}

function redisText({ redis }: HealthBody): string {
  const { redis_version, uptime_in_seconds, connected_clients, used_memory_human } =
    redis.server_info as Record<string, string | number>;
  if (redis_version === undefined) return `answers in ${redis.response_time_ms} ms, but rejects INFO`;
  return (
    `${redis_version}, answers in ${redis.response_time_ms} ms, up for ${span(Number(uptime_in_seconds))}, ` +
    `${connected_clients} clients, ${used_memory_human}`
  );
}

function table(head: string[], rows: readonly Row[]): string {
  const made = new Table({
    head,
    // Names are left-aligned, numbers right-aligned. A table without a head contains text only.
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
    // The facts fill 80 columns, and long ones continue on the next line.
    ...(head.length === 0 && { colWidths: [16, 61], wordWrap: true }),
  });
  made.push(...rows.map((row) => [...row]));
  return made.toString();
}
