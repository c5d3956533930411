import type { HealthBody } from '../metrics/health.ts';
import type { StatsBody } from '../metrics/stats.ts';
import { problemText } from '../service-answer.ts';
import { type Answer, callService, NOT_RATECACHE } from './call-service.ts';
import { Failure } from './exits.ts';
import type { ServiceOptions } from './flags.ts';
import { serviceToken } from './service-token.ts';

/** The statistics and the health of a service at one moment. */
export interface Snapshot {
  readonly url: string;
  /** The time of `performance.now()`. */
  readonly atMs: number;
  readonly stats: StatsBody | { readonly enabled: false };
  readonly health: HealthBody;
}

/** @throws Failure if the service does not answer as expected */
export async function takeSnapshot(options: ServiceOptions): Promise<Snapshot> {
  const [stats, health] = await Promise.all([ask(options, '/stats'), ask(options, '/health')]);
  return {
    url: options.url,
    atMs: performance.now(),
    stats: stats.body as StatsBody | { readonly enabled: false },
    health: health.body as HealthBody,
  };
}

/** Sends a GET to a path of JSON. @throws Failure if the service does not answer as expected */
export async function ask(
  { url, timeout: timeoutMs, tokenFile }: ServiceOptions,
  path: string,
): Promise<Answer> {
  const answer = await callService(url, { path, timeoutMs, token: serviceToken(tokenFile) });
  const { status, body } = answer;
  // An unhealthy service answers /health with 503, and still has statistics.
  const good = status === 200 || (path === '/health' && status === 503);
  if (good && body !== undefined) return answer;
  throw new Failure(`${url}${path} answered ${status}${problemText(body) || NOT_RATECACHE}`, 1);
}
