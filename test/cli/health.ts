import type { HealthBody } from '../../src/metrics/health.ts';
import type { Service } from '../support/service.ts';

/** What it says of Redis may be a second old. */
export async function healthOf(service: Service): Promise<HealthBody> {
  return (await (await service.fetch('/health')).json()) as HealthBody;
}
