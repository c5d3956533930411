import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assemble } from '../../loadtest/assemble.ts';
import { type Facts, failures, type GateName, judge, verdictOf } from '../../loadtest/gates.ts';
import { pace } from '../../loadtest/pacer/pacer.ts';
import { steady } from '../../loadtest/pacer/schedule.ts';
import type { GateOutcome, RunResult, Verdict } from '../../loadtest/result.ts';
import { http } from '../../loadtest/traffic/prepared.ts';
import { synthetic } from './report/synthetic.ts';
import { VirtualTime, virtualLane } from './support/virtual-time.ts';

const ALL: readonly GateName[] = ['latency', 'errors', 'hits'];

const GOOD: Facts = {
  requests: {
    sent: 5000,
    completed: 5000,
    errors: 0,
    timeouts: 0,
    byStatus: { 200: 4900, 404: 100 },
    hits: 4900,
    misses: 100,
  },
  latency: {
    meanUs: 300,
    p50Us: 300,
    p90Us: 500,
    p95Us: 900,
    p99Us: 2000,
    p999Us: 5000,
    maxUs: 9000,
    distribution: [],
  },
  generator: {
    ceilingPerSecond: 40_000,
    cpuShare: 0.3,
    lateP99Us: 300,
    saturated: false,
    otherProgramsShare: 0,
  },
  ratePerSecond: 3000,
  series: [],
  faults: [],
  redisReadShare: 0.016,
};

test('a good run passes every gate', () => {
  const outcomes = judge([...ALL, 'redis reads'], GOOD);
  assert.deepEqual(
    outcomes.map(({ gate, verdict }) => [gate, verdict]),
    [
      ['latency p95', 'pass'],
      ['latency p99', 'pass'],
      ['error rate', 'pass'],
      ['hit rate', 'pass'],
      ['redis reads', 'pass'],
      ['samples', 'pass'],
      ['generator', 'pass'],
    ],
  );
  assert.equal(verdictOf(outcomes), 'pass');
});

const limits: readonly [gate: string, value: string, facts: Facts, expected: Verdict][] = [
  ['latency p95', 'just below 50 ms', latency({ p95Us: 49_999 }), 'pass'],
  ['latency p95', '50 ms', latency({ p95Us: 50_000 }), 'warn'],
  ['latency p95', '100 ms', latency({ p95Us: 100_000 }), 'fail'],
  ['latency p99', '50 ms', latency({ p99Us: 50_000 }), 'warn'],
  ['latency p99', '100 ms', latency({ p99Us: 100_000 }), 'fail'],
  ['error rate', '0.98 %', requests({ errors: 49 }), 'pass'],
  ['error rate', '1 %', requests({ timeouts: 50 }), 'warn'],
  ['error rate', '5 %', requests({ byStatus: { 200: 4750, 503: 250 } }), 'fail'],
  ['hit rate', '90 %', requests({ hits: 4500, misses: 500 }), 'pass'],
  ['hit rate', '89.98 %', requests({ hits: 4499, misses: 501 }), 'warn'],
  ['hit rate', '79.98 %', requests({ hits: 3999, misses: 1001 }), 'fail'],
  ['samples', '999', requests({ completed: 999 }), 'fail'],
  ['samples', '1000', requests({ completed: 1000 }), 'pass'],
];
for (const [gate, value, facts, expected] of limits) {
  test(`${gate} of ${value}: ${expected}`, () => {
    const outcomes = judge(ALL, facts);
    assert.equal(outcome(outcomes, gate).verdict, expected);
    assert.equal(verdictOf(outcomes), expected);
  });
}

test('every gate fails without answers, also a gate without figures', () => {
  const none = { sent: 0, completed: 0, errors: 0, timeouts: 0, byStatus: {}, hits: 0, misses: 0 };
  const outcomes = judge(ALL, { ...GOOD, requests: none });
  const passed = outcomes.filter(({ verdict }) => verdict !== 'fail').map(({ gate }) => gate);
  assert.deepEqual(passed, ['generator']);
  assert.equal(verdictOf(outcomes), 'fail');
  for (const { value } of outcomes) assert.ok(Number.isFinite(value), 'JSON has no NaN');
});

test('a run without gates does not pass', () => {
  assert.equal(verdictOf([]), 'fail');
});

test('misses and failed conditions do not count as errors, and refusals do', () => {
  const { requests: base } = GOOD;
  assert.equal(
    failures({ ...base, byStatus: { 200: 1, 204: 1, 304: 1, 404: 1, 412: 1, ok: 1, push: 1 } }),
    0,
  );
  assert.equal(failures({ ...base, byStatus: { 400: 1, 500: 1, 503: 1, l2_timeout: 1 } }), 4);
});

test('a redirect, an informational answer and an answer of unknown length count as errors', () => {
  const byStatus = { 100: 1, 301: 1, 308: 1, '200 chunked': 1 };
  assert.equal(failures({ ...GOOD.requests, byStatus }), 4);
});

test('memory that doubles after the start fails a soak', () => {
  const series = [50, 90, 100, 100, 140, 160, 180, 190, 210, 220].map((serverRssBytes, second) => ({
    second,
    hits: 0,
    misses: 0,
    serverRssBytes,
  }));
  const grown = (facts: Facts) => outcome(judge(['memory growth'], facts), 'memory growth').verdict;
  assert.equal(grown({ ...GOOD, series }), 'fail');
  assert.equal(
    grown({ ...GOOD, series: series.map((second) => ({ ...second, serverRssBytes: 100 })) }),
    'pass',
  );
  assert.equal(grown({ ...GOOD, series: [] }), 'fail');
});

test('reads that are served while Redis is down are judged, and other seconds are not', () => {
  const series = [100, 100, 50, 40, 100].map((hits, second) => ({
    second,
    hits,
    misses: 100 - hits,
    serverRssBytes: null,
  }));
  const faults = [
    { second: 2.1, what: 'redis killed' },
    { second: 4.1, what: 'redis back' },
  ] as const;
  const served = (facts: Partial<Facts>) =>
    outcome(judge(['served without redis'], { ...GOOD, series, ...facts }), 'served without redis');
  assert.deepEqual([served({ faults }).value, served({ faults }).verdict], [45, 'warn']);
  const nothing = series.map((second) => ({ ...second, hits: 0, misses: 100 }));
  assert.equal(served({ faults, series: nothing }).verdict, 'fail');
  assert.equal(served({}).verdict, 'fail', 'nothing was judged');
});

test('limits of a profile replace those of the table', () => {
  const judged = judge(ALL, GOOD, { 'latency p99': { failAt: 1 }, samples: { failAt: 5001 } });
  const { warnAt, ...p99 } = outcome(judged, 'latency p99');
  assert.deepEqual(
    [p99.verdict, p99.failAt, warnAt, outcome(judged, 'samples').verdict],
    ['fail', 1, undefined, 'fail'],
  );
});

for (const [ms, expected] of [
  [60, 'warn'],
  [120, 'fail'],
] as const)
  test(`a server that is ${ms} ms slow: ${expected}`, async () => {
    const { gates, verdict } = await measureSlow(ms);
    assert.equal(outcome(gates, 'latency p95').verdict, expected);
    assert.equal(outcome(gates, 'samples').verdict, 'pass');
    assert.equal(verdict, expected);
  });

function latency(of: Partial<Facts['latency']>): Facts {
  return { ...GOOD, latency: { ...GOOD.latency, ...of } };
}

function requests(of: Partial<Facts['requests']>): Facts {
  return { ...GOOD, requests: { ...GOOD.requests, ...of } };
}

function outcome(outcomes: readonly GateOutcome[], name: string): GateOutcome {
  return outcomes.find(({ gate }) => gate === name)!;
}

/** Paces requests to a server that takes so long for each answer, and judges them as a run does. */
async function measureSlow(ms: number): Promise<RunResult> {
  const time = new VirtualTime();
  const load = {
    kind: 'open',
    connections: 128,
    ratePerSecond: 500,
    warmupSeconds: 0.3,
    seconds: 2.2,
  } as const;
  const generated = await pace({
    schedule: steady(load.ratePerSecond, (load.warmupSeconds + load.seconds) * 1000),
    request: () => http.get('borrow_rate:AAPL'),
    open: () => virtualLane(time, (now) => now + ms),
    connections: load.connections,
    warmupMs: load.warmupSeconds * 1000,
    measuredMs: load.seconds * 1000,
    time,
  });
  const about = { ...synthetic(), load };
  // In a time that does not wait, the generator is always busy.
  const { cpuShare, ceilingPerSecond } = GOOD.generator;
  const seen = { ceilingPerSecond, otherProgramsShare: 0, server: [], redisReadShare: null };
  return assemble(about, { ...generated, cpuShare }, seen, ALL);
}
