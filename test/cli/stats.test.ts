import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, startReplica } from '../../loadtest/target/replicas.ts';
import { runMain } from '../../loadtest/target/run-main.ts';
import { startService } from '../../loadtest/target/service.ts';
import { tether } from '../../loadtest/target/tether.ts';
import { self } from '../../src/cli/self.ts';
import { statsText } from '../../src/cli/stats-text.ts';
import { percent } from '../../src/format.ts';
import type { StatsBody } from '../../src/metrics/stats.ts';
import { get, put } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { HEALTHY, healthOf } from './health.ts';

/** The cells of the row that begins with this, in the table whose head begins with `head`, or in the first table. */
function row(text: string, first: string, head?: string): string[] | undefined {
  const rows = text.split('\n').map((line) => line.split('│').map((cell) => cell.trim()));
  const start = head === undefined ? 0 : rows.findIndex(([, name]) => name === head);
  return rows
    .slice(start)
    .find(([, name]) => name === first)
    ?.slice(2, -1);
}

test('stats shows requests, both tiers by type, and the state of Redis, link and pending writes', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const [service, other] = await Promise.all([
    startReplica(redis, { STATS_MAX_AGE_SECONDS: '1' }),
    startReplica(redis),
  ]);
  t.after(() => Promise.all([service.stop(), other.stop()]));
  await put(other, 'borrow_rate:A', '1');
  // L1 does not hold what is only written.
  await put(service, 'volatility:A', '1');
  await heardAll(service);
  // Once from Redis, twice from L1.
  for (let i = 0; i < 3; i++) assert.equal((await get(service, 'borrow_rate:A')).status, 200);
  const before = (await service.fetch('/stats').then((r) => r.json())) as StatsBody;

  // Redis is asked for half a second; on a busy machine it may not answer in time.
  const { code, stdout, stderr } = await until(async () => {
    const run = await runMain(['stats', '--url', service.url]);
    return run.stdout.includes(': healthy\n') ? run : undefined;
  });
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(stdout.startsWith(`ratecache 0.1.0 at ${service.url}: healthy\n`), stdout);
  const { hit, miss, error, hit_rate } = before.requests.get;
  assert.deepEqual(row(stdout, 'get'), [`${hit}`, `${miss}`, `${error}`, percent(hit_rate!)]);
  assert.deepEqual(row(stdout, 'set'), ['0', '1', '0', '']);
  assert.deepEqual(row(stdout, 'borrow_rate', 'L1'), ['1', '2', '1', '66.7 %', '0', '0']);
  assert.deepEqual(row(stdout, 'borrow_rate', 'Redis'), ['1', '1', '0', '100 %']);
  assert.deepEqual(row(stdout, 'volatility', 'L1'), ['0', '0', '0', '–', '0', '0']);
  assert.deepEqual(row(stdout, 'volatility', 'Redis'), ['1', '0', '0', '–']);
  const l2 = before.redis!;
  assert.deepEqual(row(stdout, 'all types', 'Redis'), [
    '2',
    `${l2.hits}`,
    `${l2.misses}`,
    percent(l2.hit_rate!),
  ]);
  assert.deepEqual(row(stdout, 'coherence'), ['coherent']);
  assert.deepEqual(row(stdout, 'pending writes'), ['none']);
  // The head of the first table of entries begins with L1 too.
  assert.match(row(stdout, 'L1', 'coherence')![0]!, /^1 of 1,000 \(0\.1 %\), \d+ B$/);
  const [, version] = /^redis_version:(\S+)/m.exec(await redis.cli('INFO', 'server'))!;
  const facts = stdout.split('all types').at(-1)!;
  const [seen, ...more] = row(facts, 'Redis')![0]!.split(', ');
  assert.equal(seen, version);
  assert.match(more.join(', '), /^answers in .* ms, up for .* clients, /);
  assert.match(row(facts, 'keys in Redis')![0]!, /^2 at .* UTC$/);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);

  await redis.signal('SIGKILL');
  await until(async () => !(await healthOf(service)).redis.connected);
  await put(service, 'borrow_rate:A', '2');
  const away = (await runMain(['stats', '--url', service.url])).stdout;
  assert.match(away, /: degraded\n/);
  assert.match(row(away.split('all types').at(-1)!, 'Redis')![0]!, /^unreachable: /);
  for (const line of away.split('\n')) assert.ok(line.length <= 80, line);
  assert.deepEqual(row(away, 'coherence'), ['blind']);
  assert.match(row(away, 'pending writes')![0]!, /^1, .*, the oldest for /);
});

test('stats --json prints the body of /stats unchanged: only the CPU time and the delay of the event loop are newer', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const { code, stdout } = await runMain(['stats', '--url', service.url, '--json']);
  const body = await service.fetch('/stats').then((r) => r.text());
  const now = /"process":{"cpu_seconds":[\d.]+,"event_loop_delay_ms":[\d.]+}/;
  assert.match(body, now);
  assert.deepEqual([code, stdout.replace(now, '')], [0, `${body.replace(now, '')}\n`]);
});

test('stats reports disabled statistics and standalone mode', async (t) => {
  const service = await startService({ standalone: true, env: { ...PATIENT, ENABLE_CACHE_STATS: 'false' } });
  t.after(() => service.stop());
  const { code, stdout } = await runMain(['stats', '--url', service.url]);
  assert.equal(code, 0);
  assert.match(stdout, /Statistics are disabled: ENABLE_CACHE_STATS is false/);
  assert.deepEqual(row(stdout, 'Redis'), ['not used (standalone)']);
});

test('stats reports when no service or another program answers', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const nobody = await runMain(['stats', '--url', url]);
  assert.deepEqual([nobody.code, nobody.stderr], [2, `ratecache: cannot reach ${url}: connection refused\n`]);
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const wrong = await runMain(['stats', '--url', `${service.url}/v1`]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /answered 404 not_found: /);
});

test('counts and rates of stats --watch are those of the interval, in 80 columns', () => {
  const at = (atMs: number, hit: number, miss: number) => {
    const counted = { items: 1, hits: hit, misses: miss, stale: 0, evictions: 0, expirations: 0 };
    const requests = { hit, miss, error: 0 };
    return {
      url: 'http://127.0.0.1:8000',
      atMs,
      health: {
        ...HEALTHY,
        redis: {
          connected: false,
          response_time_ms: null,
          server_info: {},
          error:
            'a reason of several words that is longer than the sixty columns that remain next to the names',
        },
        local_cache: { status: 'healthy', items: 1, memory_bytes: 1 } as const,
      },
      stats: {
        connected: false as const,
        keys_count: 0 as const,
        memory_used: 0 as const,
        categories: {},
        local: {
          ...counted,
          enabled: true,
          max_items: 10,
          bytes: 1,
          hit_rate: 1,
          by_type: { borrow_rate: counted },
        },
        redis: { hits: hit, misses: miss, hit_rate: 1, by_type: {} as never },
        requests: { get: { ...requests, hit_rate: 1 }, set: requests, delete: requests },
        flights: { joined: 0, fenced: 0 },
        latency: { bounds_seconds: [], get: [], set: [], delete: [], redis: [] },
        process: { cpu_seconds: 0, event_loop_delay_ms: 0 },
      },
    };
  };
  const [first, second] = [at(1000, 99_000_000, 1_000_000), at(3000, 99_000_100, 1_000_100)];
  const text = statsText(second, first);
  assert.match(text, /^In the last 2 s:$/m);
  assert.deepEqual(row(text, 'get'), ['100', '100', '0', '50 %', '100']);
  assert.deepEqual(row(text, 'borrow_rate', 'L1'), ['1', '100', '100', '50 %', '0', '0']);
  assert.deepEqual(row(text, 'all types', 'Redis'), ['', '100', '100', '50 %']);
  assert.match(
    statsText(first, second),
    /^Since the start:$/m,
    'lower counts mean that the service has restarted',
  );
  for (const line of statsText(second).split('\n')) assert.ok(line.length <= 80, line);
});

test('stats --watch repeats the statistics with requests per second, and keeps running when the service stops', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const { command, args } = self('stats', '--watch', '0.1', '--url', service.url);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  tether(child);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.includes('requests'));
  for (let i = 0; i < 50; i++) await get(service, 'a:1');
  await until(() => /│ get .* [1-9][\d,]* │\n/.test(text) && text.includes('per s'));
  await service.stop();
  await until(() => text.includes('cannot reach'));
  assert.equal(child.exitCode, null);
  child.kill('SIGINT');
  await once(child, 'close');
});
