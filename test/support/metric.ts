import type { Service } from '../../loadtest/target/service.ts';

/**
 * The present value of a metric; NaN if the metric is missing.
 * @param name with its labels, as a regular expression
 */
export async function metric(service: Pick<Service, 'fetch'>, name: string): Promise<number> {
  const text = await (await service.fetch('/metrics')).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}
