/** The endpoints for probes, Prometheus and operators: `/health`, `/livez`, `/readyz`, `/metrics`, `/stats`. */
import { type HttpRequest, type HttpResponse, listOf } from '../uws.ts';
import { attempt } from './body.ts';
import type { ServerDeps } from './deps.ts';
import { Exchange, JSON_TYPE } from './exchange.ts';
import { metricsFormat } from './negotiate.ts';

/** Produces the answers of these endpoints. */
export interface Ops {
  /** The body of `/health`, and whether the service can serve reads. */
  readonly health: () => Promise<{ readonly serving: boolean; readonly body: unknown }>;
  /** Why load balancers should send no requests to this process, or undefined if it is ready. */
  readonly notReady: () => Promise<string | undefined>;
  readonly metrics: (
    format: 'text' | 'openmetrics',
  ) => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly stats: () => Promise<unknown>;
}

type Answer = readonly [status: number, contentType: string, body: string];

export function opsHandlers(deps: ServerDeps, ops: Ops) {
  return {
    health: answering(deps, async () => {
      const { serving, body } = await ops.health();
      return [serving ? 200 : 503, JSON_TYPE, JSON.stringify(body)];
    }),
    /** Always 200: liveness depends on nothing but the process. */
    livez: answering(deps, async () => [200, JSON_TYPE, '{"status":"alive"}']),
    readyz: answering(deps, async () => {
      const reason = await ops.notReady();
      if (reason === undefined) return [200, JSON_TYPE, '{"status":"ready"}'];
      return [503, JSON_TYPE, JSON.stringify({ status: 'not ready', reason })];
    }),
    metrics: answering(deps, async (accept) => {
      const { contentType, text } = await ops.metrics(metricsFormat(accept));
      return [200, contentType, text];
    }),
    stats: answering(deps, async () => [200, JSON_TYPE, JSON.stringify(await ops.stats())]),
  };
}

/** @param make receives the header `Accept` */
function answering(deps: ServerDeps, make: (accept: string) => Promise<Answer>) {
  return (bodiless: boolean) => (res: HttpResponse, req: HttpRequest) => {
    const exchange = new Exchange(res, deps.load, deps.counters, bodiless);
    const accept = listOf(req, 'accept');
    attempt(exchange, deps, async () => {
      const [status, contentType, body] = await make(accept);
      exchange.send(
        status,
        [
          ['Content-Type', contentType],
          ['Cache-Control', 'no-store'],
        ],
        body,
      );
    });
  };
}
