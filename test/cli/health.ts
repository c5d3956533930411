import type { Service } from '../../loadtest/target/service.ts';
import type { HealthBody } from '../../src/metrics/health.ts';

/** What it says of Redis may be a second old. */
export async function healthOf(service: Service): Promise<HealthBody> {
  return (await (await service.fetch('/health')).json()) as HealthBody;
}

/** What a healthy service answers. */
export const HEALTHY: HealthBody = {
  status: 'healthy',
  reasons: [],
  warnings: [],
  mode: 'redis',
  version: '0.1.0',
  addon: { version: '20', package: 'uws-pack', sha256: '' },
  coherence: 'coherent',
  redis: { connected: true, response_time_ms: 0.4, server_info: {}, breaker: 'closed' },
  local_cache: { status: 'healthy', items: 1234567, memory_bytes: 1e9 },
  pending_writes: { entries: 0, bytes: 0, oldest_age_ms: null } as never,
};
