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
import { percent } from '../../src/format.ts';
import type { StatsBody } from '../../src/metrics/stats.ts';
import { get, put } from '../support/client.ts';
import { heardAll } from '../support/heard-all.ts';
import { healthOf } from './health.ts';

/** The cells of the row of a table that begins with this. */
function row(text: string, first: string): string[] | undefined {
  const rows = text.split('\n').map((line) => line.split('│').map((cell) => cell.trim()));
  return rows.find(([, name]) => name === first)?.slice(2, -1);
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
  assert.deepEqual(row(stdout, 'borrow_rate'), ['1', '2', '1', '66.7 %', '0', '0', '1', '1', '0', '100 %']);
  assert.deepEqual(row(stdout, 'volatility'), ['0', '0', '0', '–', '0', '0', '1', '0', '0', '–']);
  const l2 = before.redis!;
  assert.deepEqual(row(stdout, 'all')?.slice(6), ['2', `${l2.hits}`, `${l2.misses}`, percent(l2.hit_rate!)]);
  assert.deepEqual(row(stdout, 'coherence'), ['coherent']);
  assert.deepEqual(row(stdout, 'pending writes'), ['none']);
  assert.match(row(stdout, 'L1')![0]!, /^1 of 1,000 \(0\.1 %\), \d+ B$/);
  const [, version] = /^redis_version:(\S+)/m.exec(await redis.cli('INFO', 'server'))!;
  const [seen, ...more] = row(stdout, 'Redis')![0]!.split(', ');
  assert.equal(seen, version);
  assert.match(more.join(', '), /^answers in .* ms, up for .*, 2 keys at .* UTC$/);

  await redis.signal('SIGKILL');
  await until(async () => !(await healthOf(service)).redis.connected);
  await put(service, 'borrow_rate:A', '2');
  const away = (await runMain(['stats', '--url', service.url])).stdout;
  assert.match(away, /: degraded\n/);
  assert.match(row(away, 'Redis')![0]!, /^unreachable: /);
  assert.deepEqual(row(away, 'coherence'), ['blind']);
  assert.match(row(away, 'pending writes')![0]!, /^1, .*, the oldest for /);
});

test('stats --json prints the body of /stats unchanged', async (t) => {
  const service = await startService({ standalone: true, env: PATIENT });
  t.after(() => service.stop());
  const { code, stdout } = await runMain(['stats', '--url', service.url, '--json']);
  assert.deepEqual([code, stdout], [0, `${await service.fetch('/stats').then((r) => r.text())}\n`]);
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
