import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { until } from '../../loadtest/support/until.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { startService } from '../../loadtest/target/service.ts';
import { cut, fit, wrap } from '../../src/cli/cells.ts';
import { durationText } from '../../src/cli/percentiles.ts';
import type { Snapshot } from '../../src/cli/snapshot.ts';
import { failedScreen, type Observed, screenOf } from '../../src/cli/top-screen.ts';
import type { HealthBody } from '../../src/metrics/health.ts';
import type { HotKey } from '../../src/metrics/hot-keys.ts';
import { percentile } from '../../src/metrics/percentile.ts';
import type { StatsBody } from '../../src/metrics/stats.ts';
import { get, jsonOf, post, put } from '../support/client.ts';
import { tokensFile } from '../support/tokens.ts';
import { HEALTHY, healthOf } from './health.ts';

const BOUNDS = [0.001, 0.01, 0.1];
const SMALL = { columns: 80, rows: 24 };
const LARGE = { columns: 200, rows: 60 };

/** A snapshot after this many reads: 3 of 4 hit L1, and half of the rest hit Redis. */
function snapshot(atMs: number, reads: number, health: Partial<HealthBody> = {}): Snapshot {
  const hits = reads * 0.75;
  const counted = { items: 1234567, hits, misses: reads - hits, stale: 0, evictions: 0, expirations: 0 };
  const stored = { hits: reads / 8, misses: reads / 8 };
  const requests = { hit: reads * 0.875, miss: reads * 0.125, error: 0 };
  const stats: StatsBody = {
    connected: true,
    keys_count: 123_456_789,
    memory_used: '1.20G',
    categories: { borrow_rate: 123_456_789 },
    keys_counted_at: null,
    local: {
      ...counted,
      enabled: true,
      max_items: 2_000_000,
      bytes: 1e9,
      hit_rate: 0.75,
      by_type: { borrow_rate: counted },
    },
    redis: { ...stored, hit_rate: 0.5, by_type: { borrow_rate: stored } as never },
    requests: { get: { ...requests, hit_rate: 0.875 }, set: requests, delete: requests },
    flights: { joined: 0, fenced: 0 },
    latency: {
      bounds_seconds: BOUNDS,
      get: [reads, 0, 0, 0],
      set: [0, reads, 0, 0],
      delete: [0, 0, 0, reads],
      redis: [0, 0, 0, 0],
    },
    // A core for a ten-thousandth of a second for each read.
    process: { cpu_seconds: reads / 10_000, event_loop_delay_ms: 12.34 },
  };
  return { url: 'http://127.0.0.1:8000', atMs, stats, health: { ...HEALTHY, ...health } };
}

const hot = (n: number, name = 'key'): HotKey[] =>
  Array.from({ length: n }, (_, i) => ({
    key: `borrow_rate:${name}${i}`,
    type: 'borrow_rate',
    per_second: 1e6 / (i + 1),
  }));

function observed(more: Partial<Observed> = {}): Observed {
  return {
    now: snapshot(3000, 8000),
    before: snapshot(1000, 4000),
    hotKeys: { seconds: 90, reads: hot(20), misses: hot(20, '日本株式会社\u001b[2J'.repeat(5)) },
    quality: { sources: [], marks: [] },
    ...more,
  };
}

const textOf = (lines: readonly string[]) => lines.map((line) => stripVTControlCharacters(line));
/** The cells of the row with this name. */
const row = (lines: readonly string[], name: string) =>
  textOf(lines)
    .find((line) => line.startsWith(`${name} `))!
    .slice(14)
    .trim()
    .split(/ {2,}/);

test('top shows rates, hit rates and latencies of the interval', () => {
  const lines = screenOf(observed(), SMALL);
  assert.deepEqual(row(lines, 'get'), ['2,000', '87.5 %', '0 %', '0', '500 µs', '900 µs', '990 µs']);
  assert.deepEqual(row(lines, 'delete'), ['2,000', '0', '> 0.1 s', '> 0.1 s', '> 0.1 s']);
  assert.deepEqual(row(lines, 'borrow_rate'), ['1.23 M', '2,000', '75 %', '0 %', '123 M', '500', '50 %']);
  assert.deepEqual(row(lines, 'volatility'), ['–', '–', '–', '–', '–', '–', '–']);
  assert.ok(lines.includes('pending writes: none  CPU 20 %, loop delay 12.3 ms'));
  assert.match(lines[0]!, /healthy.*coherent.*last 2 s/);
});

test('top and stats say which reads Redis did not answer: they are hits of get and stale in L1', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const service = await startReplica(redis);
  t.after(() => service.stop());
  await put(service, 'borrow_rate:A', '1');
  await put(service, 'volatility:A', '1');
  for (const key of ['borrow_rate:A', 'volatility:A']) assert.equal((await get(service, key)).status, 200);
  await redis.signal('SIGKILL');
  await until(async () => !(await healthOf(service)).redis.connected);
  await put(service, 'calculation:A', '1');

  const started = (await jsonOf(await service.fetch('/stats'))) as StatsBody;
  const running = runMain(['top', '--every', '2', '--url', service.url]);
  const ended = running.then(() => true);
  do
    for (const key of ['borrow_rate:A', 'calculation:A']) assert.equal((await get(service, key)).status, 200);
  while (!(await Promise.race([ended, sleep(20, false)])));
  const lines = (await running).stdout.split('\n');
  assert.deepEqual(row(lines, 'get').slice(1, 4), ['100 %', '100 %', '0']);
  for (const name of ['borrow_rate', 'calculation', 'all types'])
    assert.deepEqual(row(lines, name).slice(2), ['0 %', '100 %', '–', '0', '–'], name);
  assert.deepEqual(row(lines, 'volatility').slice(1), ['0', '–', '–', '–', '0', '–']);

  const { local, requests } = (await jsonOf(await service.fetch('/stats'))) as StatsBody;
  const metrics = await (await service.fetch('/metrics')).text();
  assert.match(
    metrics,
    new RegExp(
      `lookups_total\\{cache="local",result="stale",type="calculation"\\} ${local.by_type.calculation!.stale}$`,
      'm',
    ),
  );
  assert.equal(local.stale - started.local.stale, requests.get.hit - started.requests.get.hit);
  const { stdout } = await runMain(['stats', '--url', service.url]);
  assert.ok(
    stdout.includes(`\nStale: ${local.stale} of the get hits, because Redis did not answer.\n`),
    stdout,
  );
});

test('top shows what an earlier version of the service reports: no stale reads, and no CPU share', () => {
  const { stats: all, ...rest } = snapshot(3000, 8000);
  const { process, ...stats } = all as StatsBody;
  const { stale, by_type, ...local } = stats.local;
  const { stale: ofType, ...counts } = by_type.borrow_rate!;
  const earlier = { ...stats, local: { ...local, by_type: { borrow_rate: counts } } };
  const lines = screenOf(observed({ now: { ...rest, stats: earlier as never } }), SMALL);
  assert.equal(row(lines, 'get')[2], '–');
  assert.ok(!lines.some((line) => line.includes('CPU')));
  assert.deepEqual(row(lines, 'borrow_rate').slice(1, 4), ['2,000', '75 %', '–']);
});

test('top fits 80x24 and 200x60, and shows more keys on a larger terminal', () => {
  for (const size of [SMALL, LARGE]) {
    const lines = textOf(screenOf(observed(), size));
    assert.ok(lines.length <= size.rows, `${lines.length} lines`);
    for (const line of lines) assert.ok(cut(line, size.columns) === line, line);
    assert.ok(lines.some((line) => line.startsWith('pending writes: none')));
    assert.ok(!lines.join('').includes('\u001b'));
  }
  const keys = (size: typeof SMALL) =>
    textOf(screenOf(observed(), size)).filter((line) => line.startsWith('borrow_rate:key')).length;
  assert.deepEqual([keys(SMALL), keys(LARGE)], [5, 20]);
});

test('top shows the reasons of a degraded service, each server of a Cluster, and pending writes', () => {
  const server = (name: string, connected: boolean) => ({
    server: name,
    connected,
    response_time_ms: connected ? 0.5 : null,
    coherence: connected ? ('coherent' as const) : ('blind' as const),
    breaker: connected ? ('closed' as const) : ('open' as const),
    clock_offset_ms: 0,
    server_info: {},
  });
  const health: Partial<HealthBody> = {
    status: 'degraded',
    coherence: 'blind',
    reasons: ['Redis b:2 is unreachable: connection refused', 'second', 'third'],
    redis: { ...HEALTHY.redis, servers: [server('a:1', true), server('b:2', false)] },
    pending_writes: { entries: 3, bytes: 2048, oldest_age_ms: 5000 } as never,
  };
  const lines = textOf(screenOf(observed({ now: snapshot(3000, 8000, health) }), SMALL));
  assert.ok(lines.length <= 24);
  assert.equal(lines[1], 'Redis b:2 is unreachable: connection refused');
  assert.deepEqual(lines.slice(-2), [
    'Redis b:2 blind, unreachable, circuit breaker open',
    'Redis a:1 coherent, answers in 0.5 ms',
  ]);
  assert.ok(lines.includes('pending writes: 3, 2 KiB, the oldest for 5.0 s  CPU 20 %, loop delay 12.3 ms'));
});

test('top shows the warnings of a healthy service, and breaks a long one into lines', () => {
  const warnings = [`1 source is dead:${' values stored before that are suspect'.repeat(3)}`];
  for (const size of [SMALL, { ...LARGE, columns: 80 }]) {
    const lines = textOf(screenOf(observed({ now: snapshot(3000, 8000, { warnings }) }), size));
    assert.ok(lines.length <= size.rows);
    assert.equal(lines.slice(1, 3).join(' '), warnings[0]);
  }
});

test('top shows the servers of a large Cluster that have room, and how many more exist', () => {
  const servers = Array.from({ length: 30 }, (_, i) => ({
    server: `a:${i}`,
    connected: true,
    response_time_ms: 1,
    coherence: i === 29 ? ('degraded' as const) : ('coherent' as const),
    breaker: 'closed' as const,
    clock_offset_ms: 0,
    server_info: {},
  }));
  const health = { redis: { ...HEALTHY.redis, servers } };
  const lines = textOf(screenOf(observed({ now: snapshot(3000, 8000, health) }), SMALL));
  assert.equal(lines.length, 24);
  assert.ok(lines.includes('Redis a:29 degraded, answers in 1 ms'));
  assert.equal(lines.at(-1), 'and 27 more servers of Redis');
});

test('top shows dead sources and marks, and no line about them without any', () => {
  const source = (name: string, state: 'dead' | 'alive') => ({
    name,
    state,
    heartbeat_at: '2026-11-29T07:12:30.000Z',
  });
  const mark = (state: 'halted' | 'suspect', reason: string, created: string) => ({
    id: created,
    state,
    reason,
    keys: ['borrow_rate:GME'],
    types: ['volatility' as const],
    prefixes: [],
    created_at: `2026-11-29T07:${created}:00.000Z`,
    ends_at: '2026-11-29T09:00:00.000Z',
  });
  const quality = {
    sources: [source('ibkr', 'dead'), source('desk', 'alive'), source('feed', 'dead')],
    marks: [
      mark('suspect', 'late', '01'),
      mark('halted', 'exchange\u001b[2J', '02'),
      mark('suspect', 'x', '00'),
    ],
  };
  const shown = textOf(screenOf(observed({ quality }), LARGE));
  assert.ok(
    shown.includes(
      'dead sources: 2 of 3: ibkr (last heartbeat 07:12:30 UTC), feed (last heartbeat 07:12:30 UTC)',
    ),
  );
  assert.ok(
    shown.includes(
      'marks: 1 halted, 2 suspect; the newest: halted borrow_rate:GME, type volatility: exchange\\u{1b}[2J',
    ),
  );
  const warned = snapshot(3000, 8000, { warnings: ['2 sources are dead'] });
  assert.ok(!textOf(screenOf(observed({ quality, now: warned }), LARGE)).includes('2 sources are dead'));
  const small = textOf(screenOf(observed({ quality }), SMALL));
  assert.ok(small.length <= SMALL.rows && small.every((line) => cut(line, SMALL.columns) === line));
  assert.equal(small.filter((line) => /^(dead sources|marks): /.test(line)).length, 2);
  assert.ok(small.some((line) => line.startsWith('Redis ')));
  const disabled = { ...snapshot(3000, 8000), stats: { enabled: false } as const };
  assert.ok(
    screenOf(observed({ quality, now: disabled }), SMALL).some((line) => line.includes('dead sources: 2')),
  );
  const good = { sources: [source('desk', 'alive')], marks: [] };
  assert.deepEqual(screenOf(observed({ quality: good }), SMALL), screenOf(observed(), SMALL));
});

test('top reads the sources and marks of the service', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const beat = await service.fetch('/v1/sources/ibkr', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ types: ['borrow_rate'], ttl: 0.001 }),
  });
  assert.equal(beat.status, 200);
  const mark = { keys: ['borrow_rate:GME'], state: 'halted', reason: 'trading halt', ttl: 600 };
  assert.equal((await post(service, '/v1/marks', mark)).status, 201);
  await until(async () => (await jsonOf(await service.fetch('/v1/sources'))).sources[0].state === 'dead');
  const { code, stdout } = await runMain(['top', '--every', '0.1', '--url', service.url]);
  assert.equal(code, 0);
  assert.match(stdout, /^dead sources: 1 of 1: ibkr \(last heartbeat \d\d:\d\d:\d\d UTC\)$/m);
  assert.match(stdout, /^marks: 1 halted; the newest: halted borrow_rate:GME: trading halt$/m);
});

test('top shows no rates after a restart of the service or a failure', () => {
  const idle = snapshot(1000, 8000);
  const process = { cpu_seconds: 1000, event_loop_delay_ms: 0 };
  const restarted = { ...idle, stats: { ...idle.stats, process } as StatsBody };
  for (const before of [undefined, snapshot(1000, 9000), restarted])
    assert.deepEqual(row(screenOf(observed({ before }), SMALL), 'get'), Array(7).fill('–'));
});

test('top shows why the keys are missing, and why the service does not answer', () => {
  const error = new Error('http://a answered 403 forbidden: the token lacks the scope read');
  assert.ok(textOf(screenOf(observed({ hotKeys: error }), SMALL)).includes(`No keys: ${error.message}`));
  const failed = textOf(failedScreen('http://a', new Error('cannot reach http://a'), SMALL));
  assert.deepEqual(failed.slice(0, 2), ['ratecache http://a', 'cannot reach http://a']);
});

test('without a terminal, top prints one screen of one interval and ends', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  await put(service, 'borrow_rate:A', '1');
  for (let i = 0; i < 500; i++) await (await get(service, 'borrow_rate:A')).arrayBuffer();
  const { code, stdout, stderr } = await runMain(['top', '--every', '0.1', '--url', service.url]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^ratecache http:\S+ +healthy {2}standalone {2}last 0\.\d+ s/);
  assert.ok(!stdout.includes('\u001b'));
  const lines = stdout.split('\n');
  assert.ok(lines.some((line) => line.startsWith('borrow_rate:A ')));
  assert.ok(lines.includes('Redis is not used: the service is standalone'));
  assert.match(stdout, /^CPU [\d.]+ %, loop delay [\d.]+ ms$/m);
  for (const line of lines) assert.ok(line.length <= 80, line);
});

test('top reads statistics from --ops-url and keys from --url, with the token', async (t) => {
  const tokens = tokensFile({ reader: { scopes: ['read'] } });
  t.after(() => tokens.remove());
  const opsPort = await freePort();
  const env = { ...PATIENT, AUTH_TOKENS_FILE: tokens.path, OPS_PORT: String(opsPort) };
  const service = await startService({ standalone: true, env });
  t.after(() => service.stop());
  const args = ['top', '--every', '0.1', '--url', service.url, '--ops-url', `http://127.0.0.1:${opsPort}`];
  const token = tokens.tokens.reader!;
  assert.match((await runMain(args, { RATECACHE_TOKEN: token })).stdout, /^hottest keys/m);
  assert.match((await runMain(args)).stdout, /^No keys: .* 401 unauthenticated/m);
});

test('top reports when no service answers', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const { code, stderr } = await runMain(['top', '--url', url]);
  assert.deepEqual([code, stderr], [2, `ratecache: cannot reach ${url}: connection refused\n`]);
});

test('a percentile is linear within its bucket, and infinite above all bounds', () => {
  assert.equal(percentile(BOUNDS, [0, 0, 0, 0], 0.5), undefined);
  assert.equal(percentile(BOUNDS, [10, 0, 0, 0], 0.5), 0.0005);
  assert.equal(percentile(BOUNDS, [5, 5, 0, 0], 0.5), 0.001);
  assert.equal(percentile([1, 2, 4], [0, 0, 8, 0], 0.5), 3);
  assert.equal(percentile(BOUNDS, [1, 0, 0, 9], 0.5), Number.POSITIVE_INFINITY);
  assert.deepEqual(
    [undefined, 0.00002, 0.0025, 1.5, Number.POSITIVE_INFINITY].map((each) => durationText(each, BOUNDS)),
    ['–', '20 µs', '2.5 ms', '1.5 s', '> 0.1 s'],
  );
});

test('text is padded, cut and wrapped by the columns that it takes on a terminal', () => {
  assert.deepEqual([fit('ab', 4), fit('ab', 4, 'right'), fit('abcdef', 4)], ['ab  ', '  ab', 'abc…']);
  assert.deepEqual([fit('日本', 5), fit('日本語', 5), cut('😀😀😀', 4)], ['日本 ', '日本…', '😀…']);
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('abcdefghij k', 4), ['abcd', 'efgh', 'ij k']);
});
