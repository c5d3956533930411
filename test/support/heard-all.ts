import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';

/**
 * Waits until the service has heard of everything that happened in Redis before the call. The link delivers in order,
 * so a canary that was sent later proves it. The first to arrive may have been sent before the call.
 */
export async function heardAll(service: Service): Promise<void> {
  const before = await canaries(service);
  await until(async () => (await canaries(service)) >= before + 2);
}

/** How many canaries the service has sent to itself through Redis and heard. */
async function canaries(service: Service): Promise<number> {
  const metrics = await (await service.fetch('/metrics')).text();
  return Number(/^cache_coherence_lag_seconds_count (\d+)/m.exec(metrics)![1]);
}
