/**
 * The thresholds of the original runbook, 4.1 and 3.3: colours of the dashboard, and figures in documents and alerts.
 */
export interface Threshold {
  readonly warning: number;
  readonly critical: number;
}

/** By the name of the recording rule. If `warning` is above `critical`, values below them are bad. */
export const THRESHOLDS = {
  cache_hit_rate: { warning: 90, critical: 80 },
  cache_miss_rate: { warning: 10, critical: 20 },
  redis_response_time: { warning: 20, critical: 50 },
  redis_connections_usage: { warning: 80, critical: 90 },
  redis_memory_usage: { warning: 70, critical: 85 },
  local_cache_usage: { warning: 90, critical: 95 },
  request_latency: { warning: 50, critical: 100 },
  error_rate: { warning: 1, critical: 5 },
} as const satisfies Record<string, Threshold>;

/** The original runbook scales above these: percent of a core, and bytes of the pod's memory (limit 8Gi). */
export const SCALE_AT = { cpuPercent: 80, memoryBytes: 0.7 * 8 * 2 ** 30 } as const;
