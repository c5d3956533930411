/** Merges the metrics of several processes of one service. */
import { type MergeRule, mergeRule } from './merge-rules.ts';
import type { MetricData, Sample, SampleExemplar } from './scraped.ts';

/** The metrics of one process. */
export interface ProcessMetrics {
  /** The number of the process. */
  readonly process: string;
  readonly metrics: readonly MetricData[];
}

const FOLDS: Readonly<Record<MergeRule, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
  process: (_, latest) => latest,
};

/** @throws Error for a gauge without a rule */
export function mergeMetrics(reports: readonly ProcessMetrics[]): MetricData[] {
  const merged = new Map<string, { readonly metric: MetricData; readonly series: Map<string, Sample> }>();
  for (const { process, metrics } of reports) {
    for (const metric of metrics) {
      const target = merged.get(metric.name) ?? { metric, series: new Map() };
      merged.set(metric.name, target);
      for (const sample of metric.values) add(target.series, metric, sample, process);
    }
  }
  return [...merged.values()].map(({ metric, series }) => ({ ...metric, values: [...series.values()] }));
}

function add(series: Map<string, Sample>, metric: MetricData, sample: Sample, process: string): void {
  const rule = mergeRule(metric, sample.labels);
  if (rule === undefined) throw new Error(`${metric.name} has no rule in metrics/merge-rules.ts`);
  const labels = rule === 'process' ? { ...sample.labels, process } : sample.labels;
  const id = JSON.stringify([sample.metricName, Object.entries(labels).sort()]);
  const before = series.get(id);
  const value = before === undefined ? sample.value : FOLDS[rule](before.value, sample.value);
  const exemplar = latest(before?.exemplar, sample.exemplar);
  series.set(id, { ...sample, labels, value, ...(exemplar && { exemplar }) });
}

function latest(a: SampleExemplar | undefined, b: SampleExemplar | undefined): SampleExemplar | undefined {
  return a !== undefined && a.timestamp > (b?.timestamp ?? 0) ? a : b;
}

/**
 * What stays of the metrics of a process that has ended: the counts. So no count of the service goes down when one process
 * is replaced, which Prometheus would take for a restart of the service.
 */
export function countsOf(metrics: readonly MetricData[]): MetricData[] {
  return metrics
    .filter((metric) => metric.type !== 'gauge')
    .map((metric) => ({
      ...metric,
      values: metric.values.filter(({ labels }) => mergeRule(metric, labels) === 'sum'),
    }));
}
