import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsFormat } from '../../src/http/negotiate.ts';
import { Histogram } from '../../src/metrics/histogram.ts';
import { mergeMetrics } from '../../src/metrics/merge-metrics.ts';
import { createRegistry, metricsText } from '../../src/metrics/prometheus.ts';
import { counter, histogram, type MetricData } from '../../src/metrics/scraped.ts';
import { setUp } from './deps.ts';

const TRACE = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const NAME = 'cache_service_request_duration_seconds';
const EXEMPLAR = `# {trace_id="${TRACE.traceId}",span_id="${TRACE.spanId}"} 0.003 1700000000.5`;

/** The names of all samples with their labels. */
function seriesIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.replace(/ \S+( # .*)?$/, '')).sort();
}

test('both formats have the same series, and OpenMetrics ends with its mark', async () => {
  const { openMetrics, metrics } = createRegistry(setUp().deps);
  const [text, open] = [await metrics(), await openMetrics()];
  assert.match(open.contentType, /^application\/openmetrics-text; version=1\.0\.0/);
  assert.match(open.text, /\n# EOF\n$/);
  assert.doesNotMatch(open.text, /\n\n/);
  assert.deepEqual(seriesIn(open.text), seriesIn(text));
  assert.match(open.text, /^# TYPE cache_service_requests counter$/m);
  // One format must not change the other.
  assert.deepEqual(seriesIn(await metrics()), seriesIn(text));
});

test('every counter has the suffix that OpenMetrics demands', async () => {
  const data = await createRegistry(setUp().deps).data();
  for (const { name, type } of data) if (type === 'counter') assert.match(name, /_total$/);
});

test('a traced observation is the exemplar of its bucket, in OpenMetrics only', async () => {
  const { deps, counters } = setUp();
  counters.getSeconds.observe(0.003);
  counters.getSeconds.exemplify(0.003, TRACE, 1_700_000_000.5);
  const { openMetrics, metrics } = createRegistry(deps);
  const lines = (await openMetrics()).text.split('\n').filter((line) => line.includes(' # '));
  assert.deepEqual(lines, [`${NAME}_bucket{operation="get",le="0.005"} 1 ${EXEMPLAR}`]);
  assert.doesNotMatch(await metrics(), /trace_id/);
});

test('the latest exemplar of a bucket takes the place of the one before', async () => {
  const one = new Histogram();
  for (const spanId of ['1'.repeat(16), TRACE.spanId])
    one.exemplify(0.003, { ...TRACE, spanId }, 1_700_000_000.5);
  const { text } = await metricsText([await histogram(NAME, 'Time.', [[{}, one]]).get()], 'openmetrics');
  assert.deepEqual(text.match(/span_id="[^"]*"/g), [`span_id="${TRACE.spanId}"`]);
});

test('the merged metrics of several processes have the exemplar of one of them', async () => {
  const traced = new Histogram();
  traced.observe(0.003);
  traced.exemplify(0.003, TRACE, 1_700_000_000.5);
  const untraced = new Histogram();
  untraced.observe(0.003);
  const reports = await Promise.all(
    [traced, untraced].map(async (one, i) => ({
      process: String(i + 1),
      metrics: [
        await histogram(NAME, 'Time.', [[{}, one]]).get(),
        await counter('ratecache_shed_requests_total', 'Shed.', () => 1).get(),
      ],
    })),
  );
  const { text } = await metricsText(mergeMetrics(reports), 'openmetrics');
  assert.ok(text.includes(`${NAME}_bucket{le="0.005"} 2 ${EXEMPLAR}\n`), text);
  assert.match(text, /^ratecache_shed_requests_total 2$/m);
});

test('the merged metrics have the latest exemplar of each bucket, whichever process has it', async () => {
  const spans = ['1'.repeat(16), '2'.repeat(16), '3'.repeat(16)];
  const metrics = await Promise.all(
    spans.map((spanId, i) => {
      const one = new Histogram();
      one.exemplify(0.003, { ...TRACE, spanId }, 1_700_000_000 + i);
      return histogram(NAME, 'Time.', [[{}, one]]).get();
    }),
  );
  const [oldest, older, latest] = metrics as [MetricData, MetricData, MetricData];
  for (const order of [
    [oldest, latest, older],
    [latest, oldest, older],
    [older, oldest, latest],
  ]) {
    const reports = order.map((each) => ({ process: '', metrics: [each] }));
    const { text } = await metricsText(mergeMetrics(reports), 'openmetrics');
    assert.deepEqual(text.match(/span_id="[^"]*"/g), [`span_id="${spans[2]}"`]);
  }
});

test('Prometheus receives OpenMetrics, and everybody else text', () => {
  const open = [
    // Prometheus 2.42, 3.0 and the client of Python.
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'application/openmetrics-text; version=1.0.0; charset=utf-8',
    'application/openmetrics-text',
  ];
  for (const accept of open) assert.equal(metricsFormat(accept), 'openmetrics', accept);
  const text = [
    ...['', '*/*', 'text/plain', 'text/html', 'text/plain;version=0.0.4', 'application/json'],
    'application/openmetrics-text;version=0.0.1',
    'application/openmetrics-text;q=0.5,text/plain',
    'application/openmetrics-text;version=1.0.0;q=0',
  ];
  for (const accept of text) assert.equal(metricsFormat(accept), 'text', accept);
});
