import { until } from '../../loadtest/support/until.ts';
import type { Service } from '../../loadtest/target/service.ts';
import type { Explanation } from '../../src/service/explain.ts';
import { jsonOf } from './client.ts';

export async function explain(service: Service, key: string): Promise<Explanation> {
  return jsonOf(await service.fetch(`/v1/explain/${encodeURIComponent(key)}`));
}

/** Explains the key until so many replicas answer: on a busy machine, one may answer too late. */
export function explainedBy(service: Service, key: string, replicas: number): Promise<Explanation> {
  return until(async () => {
    const explanation = await explain(service, key);
    return explanation.replicas.length === replicas ? explanation : undefined;
  });
}
