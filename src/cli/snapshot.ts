import type { HealthBody } from '../metrics/health.ts';
import type { StatsBody } from '../metrics/stats.ts';

/** The statistics and the health of a service at one moment. */
export interface Snapshot {
  readonly url: string;
  /** The time of `performance.now()`. */
  readonly atMs: number;
  readonly stats: StatsBody | { readonly enabled: false };
  readonly health: HealthBody;
}
