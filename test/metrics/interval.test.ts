import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../src/metrics/counters.ts';
import { History } from '../../src/metrics/history.ts';
import { mergeShares, type ReadingSources, readingOf } from '../../src/metrics/interval.ts';

function processOf(more: Partial<ReadingSources> = {}) {
  const counters = new Counters();
  const read = () =>
    readingOf({
      counters,
      coherence: () => 'coherent',
      servers: () => [{ coherence: 'coherent', connected: true, breaker: 'closed' }],
      pendingWrites: () => 1,
      l1: () => ({ bytes: 10, size: 2 }),
      loopDelayMs: () => 1,
      memory: () => ({ rss: 2, heapUsed: 1 }),
      ...more,
    });
  return { counters, read };
}

test('the sample of several processes has the sum of their counts since the last reading of each', () => {
  const [one, two] = [processOf(), processOf()];
  one.counters.l1Hits[0] = 100;
  const before = one.read();
  one.counters.l1Hits[0] += 3;
  two.counters.l1Hits[0] = 4;
  two.counters.setHits = 5;
  const history = new History();
  const shares = [
    { before, now: one.read() },
    { before: undefined, now: two.read() },
  ];
  history.add(mergeShares(shares, 1_000_000, 1_005_000));
  const [sample] = history.after(0);
  assert.deepEqual(sample!.reads, { borrow_rate: { l1: 7, redis: 0, misses: 0 } });
  assert.equal(sample!.requests.set, 5);
  assert.equal(sample!.seconds, 5);
  assert.equal(sample!.at, 1_005_000);
});

test('percentiles of several processes are those of all their requests', () => {
  const [fast, slow] = [processOf(), processOf()];
  for (let i = 0; i < 90; i++) fast.counters.getSeconds.observe(0.0009);
  for (let i = 0; i < 10; i++) slow.counters.getSeconds.observe(0.2);
  const shares = [fast, slow].map(({ read }) => ({ before: undefined, now: read() }));
  const history = new History();
  history.add(mergeShares(shares, 0, 5000));
  const { p50, p99 } = history.after(0)[0]!.latency.get;
  assert.ok(p50! <= 1, `${p50} ms`);
  assert.ok(p99! > 100, `${p99} ms`);
});

test('the state of several processes is the worst of theirs, and memory and pending writes are sums', () => {
  const well = processOf();
  const ill = processOf({
    coherence: () => 'blind',
    servers: () => [{ coherence: 'blind', connected: false, breaker: 'open' }],
    loopDelayMs: () => 70,
  });
  const shares = [ill, well].map(({ read }) => ({ before: undefined, now: read() }));
  assert.deepEqual(mergeShares(shares, 0, 5000).state, {
    coherence: 'blind',
    servers: [{ coherence: 'blind', connected: false, breaker: 'open' }],
    pending_writes: 2,
    memory: { resident: 4, heap: 2, l1: 20, l1_entries: 4 },
    loop_delay_ms: 70,
  });
});

test('processes have pending writes if one of them has, and null if none has', () => {
  const entries = (...counts: (number | undefined)[]) => {
    const shares = counts.map((count) => processOf({ pendingWrites: () => count }));
    const read = shares.map(({ read }) => ({ before: undefined, now: read() }));
    return mergeShares(read, 0, 5000).state.pending_writes;
  };
  assert.deepEqual([entries(undefined, 3), entries(3, undefined)], [3, 3]);
  assert.deepEqual([entries(0, undefined), entries(undefined, undefined)], [0, null]);
});

test('each server of a Cluster is listed once', () => {
  const servers = ['a:1', 'b:1'].map((name) => ({
    name,
    coherence: 'coherent' as const,
    connected: true,
    breaker: 'closed' as const,
  }));
  const shares = [processOf({ servers: () => servers }), processOf({ servers: () => servers })];
  const { state } = mergeShares(
    shares.map(({ read }) => ({ before: undefined, now: read() })),
    0,
    5000,
  );
  assert.deepEqual(state.servers, servers);
});
