import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { StoreError } from '../../src/cache/store.ts';
import { TYPES } from '../../src/key.ts';
import { KeyCounter, type KeyCounts } from '../../src/redis/key-counter.ts';
import { startConnected } from '../support/redis-connection.ts';

const PREFIX = 'borrow_rate_engine:';

test('only keys under the prefix are counted, by type', async (t) => {
  const { redis, keyCounter } = await setUp(t);
  await redis.mset(
    ...[
      'borrow_rate:AAPL',
      'borrow_rate:MSFT',
      'volatility:AAPL',
      'event_risk:AAPL',
      'broker_config:c1',
    ].flatMap((key) => [PREFIX + key, '1']),
    ...['calculation:AAPL:c1:1:2', 'min_rate:AAPL', 'something', 'borrow_rates:X'].flatMap((key) => [
      PREFIX + key,
      '1',
    ]),
    ...['borrow_rate:AAPL', 'another:borrow_rate:AAPL'].flatMap((key) => [key, '1']),
  );
  const before = Date.now();
  const counts = await keyCounter.fresh();
  assert.equal(counts.total, 9);
  assert.deepEqual(named(counts), {
    borrow_rate: 2,
    volatility: 1,
    event_risk: 1,
    broker_config: 1,
    calculation: 1,
    min_rate: 1,
    other: 2,
  });
  assert.ok(counts.countedAt >= before && counts.countedAt <= Date.now());
});

test('an unchanging database of many slices is counted exactly, without KEYS', async (t) => {
  const { redis, keyCounter } = await setUp(t);
  await redis.eval(
    "for i = 1, 25000 do redis.call('SET', ARGV[1] .. (i % 2 == 0 and 'borrow_rate:' or 'x:') .. i, '1') end",
    0,
    PREFIX,
  );
  const counts = await keyCounter.fresh();
  assert.equal(counts.total, 25_000);
  assert.equal(named(counts).borrow_rate, 12_500);
  const stats = await redis.info('commandstats');
  assert.ok(Number(/cmdstat_scan:calls=(\d+)/.exec(stats)![1]) >= 25);
  assert.doesNotMatch(stats, /cmdstat_keys:/);
});

test('concurrent calls share one scan', async (t) => {
  const { scans, keyCounter } = await setUp(t);
  const counts = await Promise.all(Array.from({ length: 100 }, () => keyCounter.fresh()));
  keyCounter.latest();
  assert.equal(new Set(counts).size, 1);
  assert.equal(await scans(), 1);
});

test('a count is reused for maxAgeMs', async (t) => {
  const { scans, keyCounter, clock } = await setUp(t);
  const first = await keyCounter.fresh();
  clock.now += 9_999;
  assert.equal(await keyCounter.fresh(), first);
  assert.equal(await scans(), 1);
  clock.now += 1;
  assert.notEqual(await keyCounter.fresh(), first);
  assert.equal(await scans(), 2);
});

test('the count of a scan that took t is reused for at least 20 t', async (t) => {
  const { scans, keyCounter, clock } = await setUp(t);
  const counting = keyCounter.fresh();
  clock.now += 3_000;
  const first = await counting;
  clock.now += 59_999;
  assert.equal(await keyCounter.fresh(), first);
  assert.equal(await scans(), 1);
  clock.now += 1;
  await keyCounter.fresh();
  assert.equal(await scans(), 2);
});

test('latest returns undefined before the first count, and starts that count', async (t) => {
  const { redis, keyCounter } = await setUp(t);
  await redis.set(`${PREFIX}min_rate:A`, '1');
  assert.equal(keyCounter.latest(), undefined);
  const counts = await until(() => keyCounter.latest());
  assert.equal(named(counts).min_rate, 1);
});

test('latest returns the old count while a new scan runs in the background', async (t) => {
  const { redis, keyCounter, clock } = await setUp(t);
  const old = await keyCounter.fresh();
  await redis.set(`${PREFIX}min_rate:A`, '1');
  clock.now += 10_000;
  assert.equal(keyCounter.latest(), old);
  await until(() => keyCounter.latest() !== old);
  assert.equal(keyCounter.latest()!.total, 1);
});

test('a failed scan rejects fresh calls for a second, and latest keeps the old count', async (t) => {
  const { server, redis, scans, keyCounter, clock, counters } = await setUp(t);
  const old = await keyCounter.fresh();
  clock.now += 10_000;
  await redis.call('ACL', 'SETUSER', 'default', '-scan');
  const rejected = (error: unknown) => error instanceof StoreError && error.reason === 'rejected';
  await assert.rejects(keyCounter.fresh(), rejected);
  clock.now += 999;
  await assert.rejects(keyCounter.fresh(), rejected);
  assert.equal(counters.redisErrors.get('noperm'), 1);
  assert.equal(keyCounter.latest(), old);

  await server.cli('ACL', 'SETUSER', 'default', '+scan');
  clock.now += 1;
  assert.notEqual(await keyCounter.fresh(), old);
  assert.equal(await scans(), 2);
});

async function setUp(t: TestContext) {
  const { server, redis, counters } = await startConnected(t);
  const clock = { now: 1000 };
  const keyCounter = new KeyCounter(
    { redis, counters, keyPrefix: PREFIX },
    { maxAgeMs: 10_000, now: () => clock.now },
  );
  const scans = async () =>
    Number(/cmdstat_scan:calls=(\d+)/.exec(await server.cli('INFO', 'commandstats'))?.[1] ?? 0);
  return { server, redis, counters, keyCounter, clock, scans };
}

function named(counts: KeyCounts): Record<string, number> {
  return Object.fromEntries(TYPES.map((type, i) => [type, counts.byType[i]!]));
}
