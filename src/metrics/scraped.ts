import type { Metric } from 'prom-client';
import type { Exemplar, Histogram } from './histogram.ts';

/** A value with its labels. */
export interface Sample {
  /** The name of the sample if it differs from the metric: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Only OpenMetrics has it. */
  readonly exemplar?: SampleExemplar;
}

/** A traced request in the bucket, as prom-client writes it. */
export interface SampleExemplar {
  readonly labelSet: { readonly trace_id: string; readonly span_id: string };
  readonly value: number;
  /** In seconds since 1970. */
  readonly timestamp: number;
}

type Samples = readonly Sample[];

/**
 * A metric whose values are read when it is scraped. The metrics of prom-client are written on every event instead.
 * This interface is the part of prom-client's `Metric` that its registry uses.
 */
export interface Scraped {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  get(): Promise<MetricData>;
}

/** A metric with its present values. */
export type MetricData = Omit<Scraped, 'get'> & { readonly values: Samples };

type Read<T> = () => T | Promise<T>;

/** A counter. Without samples the metric appears without values. */
export function counter(name: string, help: string, read: Read<number | Samples>): Scraped {
  return scraped(name, help, 'counter', async () => samplesOf(await read()));
}

export function gauge(name: string, help: string, read: Read<number | Samples>): Scraped {
  return scraped(name, help, 'gauge', async () => samplesOf(await read()));
}

/** A histogram with one series per set of labels. */
export function histogram(
  name: string,
  help: string,
  series: readonly (readonly [labels: Sample['labels'], histogram: Histogram])[],
): Scraped {
  return scraped(name, help, 'histogram', () =>
    series.flatMap(([labels, one]) => histogramSamples(name, labels, one)),
  );
}

/** Converts to the type that the registry of prom-client expects. */
export function asMetric(metric: Scraped): Metric {
  return metric as unknown as Metric;
}

function scraped(name: string, help: string, type: Scraped['type'], read: Read<Samples>): Scraped {
  return { name, help, type, get: async () => ({ name, help, type, values: await read() }) };
}

export function samplesOf(read: number | Samples): Samples {
  return typeof read === 'number' ? [{ labels: {}, value: read }] : read;
}

function histogramSamples(name: string, labels: Sample['labels'], histogram: Histogram): Sample[] {
  histogram.settle();
  const { bounds, counts, sum, exemplars } = histogram;
  const samples: Sample[] = [];
  let cumulated = 0;
  counts.forEach((count, i) => {
    cumulated += count;
    const le = i < bounds.length ? String(bounds[i]) : '+Inf';
    const exemplar = exemplars.get(i);
    samples.push({
      metricName: `${name}_bucket`,
      labels: { ...labels, le },
      value: cumulated,
      ...(exemplar && { exemplar: exemplarOf(exemplar) }),
    });
  });
  samples.push({ metricName: `${name}_sum`, labels, value: sum });
  samples.push({ metricName: `${name}_count`, labels, value: cumulated });
  return samples;
}

function exemplarOf({ traceId, spanId, value, at }: Exemplar): SampleExemplar {
  return { labelSet: { trace_id: traceId, span_id: spanId }, value, timestamp: at };
}
