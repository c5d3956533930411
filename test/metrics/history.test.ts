import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../src/metrics/counters.ts';
import { History } from '../../src/metrics/history.ts';
import { intervalOf, type ReadingSources, readingOf } from '../../src/metrics/interval.ts';

const SAMPLES = 180;

function historyOf(counters: Counters, more: Partial<ReadingSources> = {}) {
  let now = 1_000_000;
  const history = new History();
  const read = () =>
    readingOf({
      counters,
      coherence: () => 'coherent',
      servers: () => [],
      pendingWrites: () => undefined,
      l1: () => undefined,
      loopDelayMs: () => 0,
      memory: () => ({ rss: 2, heapUsed: 1 }),
      now: () => now,
      ...more,
    });
  let before = read();
  const record = () => {
    now += 5000;
    const reading = read();
    history.add(intervalOf(before, reading));
    before = reading;
  };
  return { history, record };
}

test('a sample has the reads of its interval by type and tier, not those since the start', () => {
  const counters = new Counters();
  counters.l1Hits[0] = 7;
  const { history, record } = historyOf(counters);
  counters.l1Hits[0] += 3;
  counters.l2Hits[1]! += 2;
  counters.misses[1]! += 1;
  record();
  record();
  const [first, second] = history.after(0);
  assert.deepEqual(first!.reads, {
    borrow_rate: { l1: 3, redis: 0, misses: 0 },
    volatility: { l1: 0, redis: 2, misses: 1 },
  });
  assert.equal(first!.requests.get, 6);
  assert.equal(first!.seconds, 5);
  assert.deepEqual(second!.reads, {});
  assert.equal(second!.requests.get, 0);
});

test('a sample has the percentiles of its interval, and null without an event', () => {
  const counters = new Counters();
  counters.getSeconds.observe(2);
  const { history, record } = historyOf(counters);
  for (let i = 0; i < 99; i++) counters.getSeconds.observe(0.0009);
  counters.redisSeconds.observe(9);
  record();
  const [{ latency }] = history.after(0) as [ReturnType<typeof history.after>[number]];
  assert.ok(latency.get.p99! > 0.5 && latency.get.p99! <= 1, `${latency.get.p99} ms`);
  assert.equal(latency.redis.p50, 2500, 'a time above all buckets counts as the last bound');
  assert.deepEqual(latency.set, { p50: null, p95: null, p99: null });
});

test('the history has 15 minutes at most, and returns only what the client does not have', () => {
  const { history, record } = historyOf(new Counters());
  for (let i = 0; i < SAMPLES + 20; i++) record();
  const numbers = (after: number) => history.after(after).map(({ number }) => number);
  assert.equal(numbers(0).length, SAMPLES);
  assert.equal(numbers(0)[0], 21);
  assert.deepEqual(numbers(SAMPLES + 18), [SAMPLES + 19, SAMPLES + 20]);
  assert.deepEqual(numbers(SAMPLES + 20), []);
  assert.deepEqual(numbers(5000), []);
});

test('a sample has the state at the end of its interval', () => {
  const { history, record } = historyOf(new Counters(), {
    coherence: () => 'degraded',
    servers: () => [{ name: 'a:1', coherence: 'blind', connected: false, breaker: 'open' }],
    pendingWrites: () => 4,
    l1: () => ({ bytes: 10, size: 2 }),
    loopDelayMs: () => 12.34567,
  });
  record();
  const [sample] = history.after(0);
  assert.equal(sample!.coherence, 'degraded');
  assert.deepEqual(sample!.servers, [{ name: 'a:1', coherence: 'blind', connected: false, breaker: 'open' }]);
  assert.equal(sample!.pending_writes, 4);
  assert.deepEqual(sample!.memory, { resident: 2, heap: 1, l1: 10, l1_entries: 2 });
  assert.equal(sample!.loop_delay_ms, 12.346);
});
