import { collectDefaultMetrics, Registry } from 'prom-client';
import type { CoherenceState } from '../cache/bus.ts';
import type { Memory } from '../cache/l1/memory.ts';
import { cacheMetrics } from './cache-metrics.ts';
import { coherenceMetrics } from './coherence-metrics.ts';
import type { Counters } from './counters.ts';
import { type FaultSources, faultMetrics } from './fault-metrics.ts';
import { type PushSources, pushMetrics } from './push-metrics.ts';
import { type RedisSource, redisMetrics } from './redis-metrics.ts';
import { asMetric } from './scraped.ts';
import { serviceMetrics } from './service-metrics.ts';

export interface MetricsDeps {
  readonly counters: Counters;
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone. */
  readonly redis: RedisSource | undefined;
  readonly coherence: () => CoherenceState;
  readonly faults: FaultSources;
  readonly push: () => PushSources;
  /** Requests begun and not yet answered. */
  readonly openRequests: () => number;
  /** Of ratecache itself. */
  readonly version: string;
  /** False leaves the `cache_service_*` metrics out. */
  readonly statsEnabled: boolean;
}

export interface Metrics {
  /** Of what `metrics` gives. */
  readonly contentType: string;
  /** Everything in Prometheus's text format, as of now. */
  metrics(): Promise<string>;
}

/**
 * prom-client names these gauges as if they were counters, which Prometheus's linter refuses. They are the
 * sums of the metrics without the ending.
 */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** The registry behind `/metrics`: the process's own metrics, and ours, which cost nothing between scrapes. */
export function createRegistry(deps: MetricsDeps): Metrics {
  const { redis, counters, statsEnabled } = deps;
  const registry = new Registry();
  const metrics = [
    ...(statsEnabled ? cacheMetrics(deps) : []),
    ...(redis === undefined ? [] : redisMetrics(redis, counters)),
    ...coherenceMetrics(counters, deps.coherence),
    ...faultMetrics(deps.faults),
    ...pushMetrics(counters, deps.push),
    ...serviceMetrics(deps),
  ];
  for (const metric of metrics) registry.registerMetric(asMetric(metric));
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  return { contentType: registry.contentType, metrics: () => registry.metrics() };
}
