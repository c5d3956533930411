import { collectDefaultMetrics, Registry, type RegistryContentType } from 'prom-client';
import type { CoherenceState } from '../cache/bus.ts';
import type { Memory } from '../cache/l1/memory.ts';
import type { Quality } from '../cache/quality/quality.ts';
import { cacheMetrics } from './cache-metrics.ts';
import { coherenceMetrics } from './coherence-metrics.ts';
import type { Counters } from './counters.ts';
import { type FaultSources, faultMetrics } from './fault-metrics.ts';
import { type PushSources, pushMetrics } from './push-metrics.ts';
import { qualityMetrics } from './quality-metrics.ts';
import { type RedisSource, redisMetrics } from './redis-metrics.ts';
import { asMetric, type MetricData } from './scraped.ts';
import { serviceMetrics } from './service-metrics.ts';

export interface MetricsDeps {
  readonly counters: Counters;
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone. */
  readonly redis: RedisSource | undefined;
  readonly coherence: () => CoherenceState;
  readonly quality: Quality;
  readonly faults: FaultSources;
  readonly push: () => PushSources;
  /** Requests without an answer yet. */
  readonly openRequests: () => number;
  /** The version of ratecache. */
  readonly version: string;
  /** When the TLS certificate expires, in milliseconds; undefined without TLS. */
  readonly certificateExpiresAt?: (() => number) | undefined;
  /** False disables the `cache_service_*` metrics. */
  readonly statsEnabled: boolean;
}

/** `openmetrics` has exemplars. The names of all series are the same in both. */
export type MetricsFormat = 'text' | 'openmetrics';

export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

export interface Metrics {
  /** The content type of the text that `metrics` returns. */
  readonly contentType: string;
  /** All metrics in the text format of Prometheus. */
  metrics(): Promise<string>;
  openMetrics(): Promise<MetricsText>;
  /** All metrics as data, for a report over several processes. */
  data(): Promise<MetricData[]>;
}

/**
 * prom-client gives these gauges names of counters, which the linter of Prometheus rejects. They are redundant: each is
 * the sum of the metric without the suffix.
 */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * The registry of `/metrics`, with the metrics of the process and of the service. Between scrapes they cost nothing.
 */
export function createRegistry(deps: MetricsDeps): Metrics {
  const { redis, counters, statsEnabled } = deps;
  const registry = new Registry();
  const metrics = [
    ...(statsEnabled ? cacheMetrics(deps) : []),
    ...(redis === undefined ? [] : redisMetrics(redis, counters)),
    ...coherenceMetrics(counters, deps.coherence, redis?.servers),
    ...qualityMetrics(deps),
    ...faultMetrics(deps.faults),
    ...pushMetrics(counters, deps.push),
    ...serviceMetrics(deps),
  ];
  for (const metric of metrics) registry.registerMetric(asMetric(metric));
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const data = async () => ((await registry.getMetricsAsJSON()) as unknown as MetricData[]).map(plain);
  return {
    contentType: registry.contentType,
    metrics: () => registry.metrics(),
    // From a copy: prom-client would rename the metrics of this registry for later answers too.
    openMetrics: async () => metricsText(await data(), 'openmetrics'),
    data,
  };
}

/** Writes metrics in a format of Prometheus. */
export async function metricsText(
  metrics: readonly MetricData[],
  format: MetricsFormat = 'text',
): Promise<MetricsText> {
  const isOpen = format === 'openmetrics';
  const registry = new Registry<RegistryContentType>();
  if (isOpen) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const each of metrics) {
    const metric = isOpen && each.type === 'counter' ? withoutSuffix(each) : each;
    registry.registerMetric(asMetric({ ...metric, get: async () => metric }));
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** In OpenMetrics the name of a counter has no suffix, and each of its samples has `_total`, which prom-client appends. */
function withoutSuffix(counter: MetricData): MetricData {
  return { ...counter, name: counter.name.replace(/_total$/, '') };
}

/** Leaves out what prom-client adds for its own use. */
function plain({ name, help, type, values }: MetricData): MetricData {
  return {
    name,
    help,
    type,
    values: values.map(({ metricName, labels, value, exemplar }) => ({
      ...(metricName && { metricName }),
      labels,
      value,
      ...(exemplar && { exemplar }),
    })),
  };
}
