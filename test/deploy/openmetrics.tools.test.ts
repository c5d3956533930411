import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../loadtest/support/until.ts';
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { startReplica } from '../../loadtest/target/replicas.ts';
import { startPrometheus } from '../docs/prometheus.ts';
import { get } from '../support/client.ts';
import { startCollector } from '../support/collector.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const NAME = 'cache_service_request_duration_seconds_bucket';

test('a real Prometheus scrapes OpenMetrics: it has every series of the text, and the trace of a request as an exemplar', async (t) => {
  const [redis, collector] = await Promise.all([startRedis(), startCollector()]);
  t.after(() => Promise.all([redis.stop(), collector.stop()]));
  const service = await startReplica(redis, collector.env);
  t.after(() => service.stop());
  const prometheus = await startPrometheus(service, ['--enable-feature=exemplar-storage']);
  t.after(() => prometheus.stop());
  const ask = async (path: string, parameters: Record<string, string> = {}) => {
    const response = await fetch(`${prometheus.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    return ((await response.json()) as { data: unknown }).data;
  };

  const headers = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` };
  await (await get(service, 'borrow_rate:TRACED', headers)).arrayBuffer();
  const exemplar = await until(async () => {
    const now = Date.now() / 1000;
    const range = { query: NAME, start: String(now - 3600), end: String(now + 60) };
    const series = (await ask('query_exemplars', range)) as Series[];
    return series.flatMap(({ exemplars }) => exemplars).find(({ labels }) => labels.trace_id === TRACE_ID);
  });
  assert.match(exemplar.labels.span_id!, /^[\da-f]{16}$/);
  assert.ok(Number(exemplar.value) > 0);

  const text = await (await service.fetch('/metrics')).text();
  const names = [...text.matchAll(/^([a-z_0-9]+)[{ ]/gim)].map(([, name]) => name!);
  const scraped = new Set((await ask('label/__name__/values')) as string[]);
  assert.ok(names.length > 100);
  assert.deepEqual(
    [...new Set(names)].filter((name) => !scraped.has(name)),
    [],
  );
});

interface Series {
  readonly exemplars: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: string;
  }[];
}
