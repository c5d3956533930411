import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Health, HealthBody } from '../../src/metrics/health.ts';
import { Histogram } from '../../src/metrics/histogram.ts';
import { mergeHealth } from '../../src/metrics/merge-health.ts';
import { countsOf, mergeMetrics } from '../../src/metrics/merge-metrics.ts';
import { mergeStats } from '../../src/metrics/merge-stats.ts';
import { metricsText } from '../../src/metrics/prometheus.ts';
import { counter, gauge, histogram, type MetricData, type Scraped } from '../../src/metrics/scraped.ts';
import { stats } from '../../src/metrics/stats.ts';
import { filledMemory, UP } from './deps.ts';

const data = (metrics: readonly Scraped[]): Promise<MetricData[]> =>
  Promise.all(metrics.map((each) => each.get()));
const sizes = (local: number, redis: number) =>
  gauge('cache_service_size', 'Items.', () => [
    { labels: { cache: 'local', type: 'other' }, value: local },
    { labels: { cache: 'redis', type: 'other' }, value: redis },
  ]);

async function merged(...reports: (readonly Scraped[])[]): Promise<string> {
  const metrics = await Promise.all(reports.map(data));
  const { text } = await metricsText(
    mergeMetrics(metrics.map((each, i) => ({ process: String(i + 1), metrics: each }))),
  );
  return text;
}

test('counters and the buckets of histograms are sums over the processes', async () => {
  const times = (...seconds: number[]) => {
    const one = new Histogram();
    for (const each of seconds) one.observe(each);
    return [
      counter('ratecache_shed_requests_total', 'Shed.', () => seconds.length),
      histogram('cache_coherence_lag_seconds', 'Lag.', [[{}, one]]),
    ];
  };
  const text = await merged(times(0.002, 0.2), times(0.002));
  assert.match(text, /^ratecache_shed_requests_total 3$/m);
  assert.match(text, /^cache_coherence_lag_seconds_bucket\{le="0.0025"\} 2$/m);
  assert.match(text, /^cache_coherence_lag_seconds_bucket\{le="\+Inf"\} 3$/m);
  assert.match(text, /^cache_coherence_lag_seconds_count 3$/m);
});

test('sizes of L1 are sums, and what all processes report of one Redis is counted once', async () => {
  const text = await merged([sizes(3, 10)], [sizes(4, 11)]);
  assert.match(text, /^cache_service_size\{cache="local",type="other"\} 7$/m);
  assert.match(text, /^cache_service_size\{cache="redis",type="other"\} 11$/m);
});

test('a state that belongs to one process has the label process', async () => {
  const state = (value: number) => [gauge('cache_clock_offset_seconds', 'Offset.', () => value)];
  const text = await merged(state(1), state(2));
  assert.match(text, /^cache_clock_offset_seconds\{process="1"\} 1$/m);
  assert.match(text, /^cache_clock_offset_seconds\{process="2"\} 2$/m);
});

test('of a process that has ended, the counts stay and the gauges go', async () => {
  const metrics = await data([counter('ratecache_shed_requests_total', 'Shed.', () => 5), sizes(3, 10)]);
  assert.deepEqual(
    countsOf(metrics).map(({ name, values }) => [name, values.length]),
    [['ratecache_shed_requests_total', 1]],
  );
});

test('stale reads and CPU time are sums, also of processes that have ended, and the delay is the longest present one', () => {
  const of = (staleHits: number, cpu_seconds: number, event_loop_delay_ms: number) => {
    const { memory, counters } = filledMemory([]);
    counters.staleHits[0] = staleHits;
    const process = { cpu_seconds, event_loop_delay_ms };
    return stats({ counters, memory, redis: UP, keys: undefined, process });
  };
  const { local, process } = mergeStats([of(1, 10, 3), of(2, 20, 5)], [of(4, 30, 99)]);
  assert.deepEqual([local.stale, local.by_type.borrow_rate!.stale], [7, 7]);
  assert.deepEqual(process, { cpu_seconds: 60, event_loop_delay_ms: 5 });
});

test('the health of several processes is the worst, and a reason names its process unless all have it', () => {
  const all = 'The circuit breaker is open';
  const one = 'The invalidation link is down';
  const body = (reasons: string[], coherence: HealthBody['coherence']) =>
    health({ status: reasons.length === 0 ? 'healthy' : 'degraded', reasons, coherence });
  const report = (...healths: (Health | undefined)[]) =>
    mergeHealth(healths.map((each, i) => ({ process: i + 1, pid: 100 + i, listens: true, health: each })));
  assert.equal(report(body([], 'coherent'), body([], 'coherent'))!.body.status, 'healthy');
  const worse = report(body([all], 'coherent'), body([all, one], 'degraded'))!;
  assert.equal(worse.body.status, 'degraded');
  assert.equal(worse.body.coherence, 'degraded');
  assert.deepEqual(worse.body.reasons, [all, `Process 2: ${one}`]);
  assert.equal(worse.body.local_cache.items, 6);

  const warned = report(
    health({ warnings: ['1 source is dead'] }),
    health({ warnings: ['1 source is dead'] }),
  )!;
  assert.deepEqual([warned.body.status, warned.body.warnings], ['healthy', ['1 source is dead']]);

  const silent = report(body([], 'coherent'), undefined)!;
  assert.equal(silent.body.status, 'degraded');
  assert.deepEqual(silent.body.reasons, ['Process 2 does not answer']);
  assert.deepEqual(silent.body.processes, [
    { process: 1, pid: 100, status: 'healthy' },
    { process: 2, pid: 101, status: 'no answer' },
  ]);
  assert.equal(report(undefined, undefined), undefined);

  const healthy = { process: 1, pid: 100, listens: true, health: body([], 'coherent') };
  const missing = { process: 2, pid: undefined, listens: false, health: undefined };
  const reasons = (other: typeof missing | { pid: number }) =>
    mergeHealth([healthy, { ...missing, ...other }])!.body.reasons;
  assert.deepEqual(reasons(missing), ['Process 2 is restarting']);
  assert.deepEqual(reasons({ pid: 101 }), ['Process 2 is starting']);
});

function health(members: Partial<HealthBody>): Health {
  const redis = { connected: true, response_time_ms: 1, server_info: {}, breaker: 'closed' } as const;
  return {
    serving: true,
    body: {
      status: 'healthy',
      reasons: [],
      warnings: [],
      mode: 'redis',
      version: '1',
      addon: { version: '1', package: 'a', sha256: 'b' },
      coherence: 'coherent',
      redis,
      local_cache: { status: 'healthy', items: 3, memory_bytes: 4 },
      ...members,
    },
  };
}
