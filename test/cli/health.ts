import type { Service } from '../../loadtest/target/service.ts';
import type { HealthBody } from '../../src/metrics/health.ts';

/** What it says of Redis may be a second old. */
export async function healthOf(service: Service): Promise<HealthBody> {
  return (await (await service.fetch('/health')).json()) as HealthBody;
}
