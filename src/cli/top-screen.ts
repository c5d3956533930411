/** The screen of `ratecache top`. */
import { bytes, count, percent, short, significant, span } from '../format.ts';
import { TYPES } from '../key.ts';
import type { HealthBody } from '../metrics/health.ts';
import type { HotKey, HotKeysBody } from '../metrics/hot-keys.ts';
import { percentile } from '../metrics/percentile.ts';
import type { StatsBody } from '../metrics/stats.ts';
import { cut, fit, state, wrap } from './cells.ts';
import { type Interval, intervalOf } from './interval.ts';
import { durationText } from './percentiles.ts';
import { printable } from './printable.ts';
import { processesText } from './processes-text.ts';
import { type QualityLists, qualityLines } from './quality-lines.ts';
import type { Size } from './screen.ts';
import type { Snapshot } from './snapshot.ts';
import { styled } from './style.ts';

/** What one repaint shows. */
export interface Observed {
  readonly now: Snapshot;
  /** The snapshot before; undefined after a failure. */
  readonly before: Snapshot | undefined;
  /** An error if they could not be read. */
  readonly hotKeys: HotKeysBody | Error;
  /** Empty if they could not be read. */
  readonly quality: QualityLists;
}

const NONE = '–';
const NAME_COLUMNS = 14;
const NUMBER_COLUMNS = 9;
/** The fifth number may have the longest heading: `Redis keys`. */
const FIFTH_NUMBER_COLUMNS = 11;
/** Rows of reasons and warnings on a low and on a high terminal. */
const LEAST_REASON_ROWS = 2;
const MOST_REASON_ROWS = 8;
const LEAST_KEY_ROWS = 2;
const MOST_KEY_ROWS = 20;
/** From this height on, empty lines separate the parts. */
const ROOMY_ROWS = 32;
const MOST_KEY_COLUMNS = 60;
const GAP = '  ';

/** Returns at most as many lines as the terminal has rows. They fit 80 columns; a narrower terminal cuts them. */
export function screenOf({ now, before, hotKeys, quality }: Observed, size: Size): string[] {
  const { stats, health } = now;
  const doubts = qualityLines(quality, (text) => cut(text, size.columns));
  if ('enabled' in stats)
    return fitted(
      [
        head(now, size),
        ...doubts,
        ...stateLines(health, size),
        ...redisLines(health),
        'Statistics are disabled: ENABLE_CACHE_STATS is false.',
      ],
      size,
    );
  const interval = before && intervalOf(now, before);
  const space = size.rows >= ROOMY_ROWS ? [''] : [];
  const top = [
    head(now, size, interval),
    // The list of sources names the dead ones. A token without the scope `read` gets only the warning.
    ...reasonLines(quality.sources.length > 0 ? { reasons: health.reasons } : health, size),
    ...space,
    ...requestLines(stats, interval),
    ...space,
    ...tierLines(stats, interval),
    ...space,
  ];
  const states = [
    ...space,
    ...doubts,
    ...stateLines(health, size, stats, interval).map((text) => cut(text, size.columns)),
  ];
  const left = size.rows - top.length - states.length;
  const servers = limited(redisLines(health, stats), left - 1 - LEAST_KEY_ROWS);
  const room = left - servers.length - 1;
  const keys = keyLines(hotKeys, Math.min(MOST_KEY_ROWS, Math.max(LEAST_KEY_ROWS, room)), size);
  return fitted([...top, ...keys, ...states, ...servers], size);
}

/** The lines that have room, and how many more exist. */
function limited(lines: readonly string[], most: number): readonly string[] {
  if (lines.length <= most) return lines;
  const shown = lines.slice(0, Math.max(0, most - 1));
  return [...shown, `and ${lines.length - shown.length} more servers of Redis`];
}

/** The screen while the service does not answer. */
export function failedScreen(url: string, error: Error, size: Size): string[] {
  return fitted(
    [
      styled('bold', cut(`ratecache ${url}`, size.columns)),
      styled('red', cut(printable(error.message), size.columns)),
      'The next try follows. q quits.',
    ],
    size,
  );
}

function fitted(lines: readonly string[], { rows }: Size): string[] {
  return lines.slice(0, rows);
}

function head({ url, health }: Snapshot, { columns }: Size, interval?: Interval): string {
  const { status, coherence, mode } = health;
  const seconds = interval === undefined ? 'no interval yet' : `last ${significant(interval.seconds)} s`;
  const states = mode === 'standalone' ? [status, 'standalone'] : [status, coherence];
  const right = `${states.join(GAP)}${GAP}${seconds}${GAP}q quits`;
  const title = fit(`ratecache ${url}`, Math.max(0, columns - right.length - 2));
  const [first, second] = states as [string, string];
  return (
    `${styled('bold', title)}${GAP}${state(first)}${GAP}` +
    `${mode === 'standalone' ? second : state(second)}${GAP}${seconds}${GAP}q quits`
  );
}

/** An earlier version of the service has no warnings. */
function reasonLines({ reasons, warnings = [] }: Partial<HealthBody>, { columns, rows }: Size): string[] {
  const lines = [...(reasons ?? []), ...warnings].flatMap((sentence) => wrap(printable(sentence), columns));
  const most = rows >= ROOMY_ROWS ? MOST_REASON_ROWS : LEAST_REASON_ROWS;
  return lines.slice(0, most).map((text) => styled('yellow', text));
}

/** Rates and latencies of requests and of Redis. */
function requestLines({ latency }: StatsBody, interval: Interval | undefined): string[] {
  const operations = ['get', 'set', 'delete', 'redis'] as const;
  const bounds = latency.bounds_seconds;
  const rows = operations.map((operation) => {
    const name = operation === 'redis' ? 'Redis commands' : operation;
    if (interval === undefined) return [name, ...Array<string>(7).fill(NONE)];
    const { requests, latency: counts, local } = interval.stats;
    const timed = counts[operation];
    const percentiles = [0.5, 0.9, 0.99].map((share) =>
      durationText(percentile(bounds, timed, share), bounds),
    );
    const per = (n: number) => short(n / interval.seconds);
    if (operation === 'redis') return [name, per(sum(timed)), '', '', '', ...percentiles];
    const { hit, miss, error } = requests[operation];
    const shares = operation === 'get' ? [hit, local.stale].map((n) => percent(n / (hit + miss))) : ['', ''];
    return [name, per(hit + miss + error), ...shares, per(error), ...percentiles];
  });
  const columns = ['requests', 'per s', 'hit rate', 'stale', 'errors/s', 'p50', 'p90', 'p99'];
  return [heading(columns), ...rows.map(line)];
}

/** Lookups in each tier by type. */
function tierLines(stats: StatsBody, interval: Interval | undefined): string[] {
  const { local, redis, categories } = stats;
  const names = [...TYPES, 'all types'] as const;
  const keysInRedis = (name: string) => {
    const each = Object.values(categories);
    if (name === 'all types') return each.length === 0 ? NONE : short(sum(each));
    const keys = (categories as Readonly<Record<string, number>>)[name];
    return keys === undefined ? NONE : short(keys);
  };
  const rows = names.map((name) => {
    const present = name === 'all types' ? local : local.by_type[name];
    const items = present === undefined ? NONE : short(present.items);
    const counted = interval?.stats;
    const of = <T>(tier: (T & ByType<T>) | undefined) => (name === 'all types' ? tier : tier?.by_type[name]);
    const lookups = (counts: Lookups | undefined): [rate: string, hitRate: string] => {
      if (counts === undefined || interval === undefined) return [NONE, NONE];
      const { hits, misses } = counts;
      return [short((hits + misses) / interval.seconds), percent(hits / (hits + misses))];
    };
    const inL1 = of<Lookups & { readonly stale: number }>(counted?.local);
    return [
      name,
      items,
      ...lookups(inL1),
      inL1 === undefined ? NONE : percent(inL1.stale / (inL1.hits + inL1.misses)),
      ...(redis === undefined
        ? [NONE, NONE, NONE]
        : [keysInRedis(name), ...lookups(of<Lookups>(counted?.redis))]),
    ];
  });
  const columns = ['type', 'L1 items', 'reads/s', 'hit rate', 'stale', 'Redis keys', 'reads/s', 'hit rate'];
  return [heading(columns), ...rows.map(line)];
}

interface Lookups {
  readonly hits: number;
  readonly misses: number;
}

interface ByType<T> {
  readonly by_type: Partial<Readonly<Record<(typeof TYPES)[number], T>>>;
}

/** The hottest and the most-missed keys, side by side. */
function keyLines(hotKeys: HotKeysBody | Error, most: number, { columns }: Size): string[] {
  if (hotKeys instanceof Error)
    return [styled('yellow', cut(`No keys: ${printable(hotKeys.message)}`, columns))];
  const { seconds, reads, misses } = hotKeys;
  const half = Math.min(MOST_KEY_COLUMNS, Math.floor((columns - GAP.length) / 2));
  const over = `(${span(seconds)})`;
  const title = (name: string) => fit(name, half - 6) + fit('per s', 6, 'right');
  const rows = Math.min(most, Math.max(reads.length, misses.length, 1));
  return [
    styled('bold', `${title(`hottest keys ${over}`)}${GAP}${title(`most-missed keys ${over}`)}`),
    ...Array.from({ length: rows }, (_, i) => keyCell(reads[i], half, i) + GAP + keyCell(misses[i], half, i)),
  ];
}

function keyCell(hot: HotKey | undefined, columns: number, i: number): string {
  if (hot === undefined) return fit(i === 0 ? 'none' : '', columns);
  const rate = short(Number(significant(hot.per_second).replaceAll(',', '')));
  const shown = hot.per_second < 100 ? significant(hot.per_second) : rate;
  const rateColumns = Math.max(7, shown.length + 1);
  return fit(printable(hot.key), columns - rateColumns) + fit(shown, rateColumns, 'right');
}

/** The processes, the pending writes, how busy the service is, and L1. */
function stateLines(health: HealthBody, { columns }: Size, stats?: StatsBody, interval?: Interval): string[] {
  const { pending_writes: pending, processes } = health;
  const writes = pending === undefined ? [] : [`pending writes: ${pendingText(pending)}`];
  const both = [...writes, ...loadTexts(stats, interval)];
  const oneLine = both.join(GAP);
  return [
    ...(processes === undefined ? [] : [`processes: ${processesText(processes)}`]),
    // A low terminal needs the second line for a server of Redis.
    ...(both.length > 1 && cut(oneLine, columns) === oneLine ? [oneLine] : both),
    l1Text(health, stats),
  ];
}

/** Empty for an earlier version of the service, which does not report it. */
function loadTexts(stats: Partial<StatsBody> | undefined, interval: Interval | undefined): string[] {
  if (stats?.process === undefined) return [];
  const share = interval && percent(interval.stats.process.cpu_seconds / interval.seconds);
  return [`CPU ${share ?? NONE}, loop delay ${significant(stats.process.event_loop_delay_ms)} ms`];
}

function l1Text({ local_cache: l1 }: HealthBody, stats: StatsBody | undefined): string {
  if (l1.status === 'disabled') return 'L1 is off: ENABLE_LOCAL_CACHE is false';
  const size = `${bytes(l1.memory_bytes)}`;
  if (stats === undefined) return `L1 ${count(l1.items)} entries, ${size}`;
  const { max_items: most, evictions } = stats.local;
  return `L1 ${count(l1.items)} of ${count(most)} entries, ${size}, ${short(evictions)} evicted since the start`;
}

/**
 * One line for each server of Redis, the servers that need attention first. The reasons above the tables say why a
 * server is unreachable.
 */
function redisLines({ mode, redis }: HealthBody, stats?: StatsBody): string[] {
  if (mode === 'standalone') return ['Redis is not used: the service is standalone'];
  const { servers } = redis;
  const open = (breaker: string | undefined) => (breaker === 'open' ? ', circuit breaker open' : '');
  if (servers === undefined) {
    const facts = redis.connected
      ? `${serverText(redis.server_info)}, answers in ${redis.response_time_ms} ms`
      : 'unreachable';
    return [`Redis ${facts}${open(redis.breaker)}`];
  }
  const byNeed = servers.toSorted(
    (a, b) => Number(a.coherence === 'coherent') - Number(b.coherence === 'coherent'),
  );
  return byNeed.map(({ server, connected, coherence, breaker, response_time_ms }) => {
    const of = stats?.servers?.find((each) => each.server === server);
    const keys = of?.keys_count == null ? '' : `, ${short(of.keys_count)} keys, ${of.memory_used}`;
    const facts = connected ? `answers in ${response_time_ms} ms${keys}` : 'unreachable';
    return `Redis ${server} ${coherence}, ${facts}${open(breaker)}`;
  });
}

function serverText(info: HealthBody['redis']['server_info']): string {
  const { redis_version, connected_clients, used_memory_human } = info as Record<string, string | number>;
  if (redis_version === undefined) return 'rejects INFO';
  return `${redis_version}, ${connected_clients} clients, ${used_memory_human}`;
}

function pendingText({
  entries,
  bytes: size,
  oldest_age_ms: age,
}: NonNullable<HealthBody['pending_writes']>) {
  if (entries === 0) return 'none';
  const oldest = age === null ? '' : `, the oldest for ${span(age / 1000)}`;
  return `${count(entries)}, ${bytes(size)}${oldest}`;
}

function heading(cells: readonly string[]): string {
  return styled('bold', line(cells));
}

function line([name, ...numbers]: readonly string[]): string {
  const columns = (i: number) => (i === 4 ? FIFTH_NUMBER_COLUMNS : NUMBER_COLUMNS);
  return fit(name!, NAME_COLUMNS) + numbers.map((cell, i) => fit(cell, columns(i), 'right')).join('');
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, n) => total + n, 0);
}
