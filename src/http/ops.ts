/** What probes, Prometheus and operators ask: `/health`, `/livez`, `/readyz`, `/metrics`, `/stats`. */
import type { HttpRequest, HttpResponse } from '../uws.ts';
import { attempt } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange, JSON_TYPE } from './exchange.ts';

/** The answers, made elsewhere. */
export interface Ops {
  /** The body of `/health`, and whether the service can serve. */
  readonly health: () => Promise<{ readonly serving: boolean; readonly body: unknown }>;
  /** Why no new work should be sent here, or undefined when it may. */
  readonly notReady: () => Promise<string | undefined>;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly stats: () => Promise<unknown>;
}

type Answer = readonly [status: number, contentType: string, body: string];

export function opsHandlers(deps: HttpDeps, ops: Ops) {
  return {
    health: answering(deps, async () => {
      const { serving, body } = await ops.health();
      return [serving ? 200 : 503, JSON_TYPE, JSON.stringify(body)];
    }),
    /** That this answers at all is the answer; it depends on nothing else. */
    livez: answering(deps, async () => [200, JSON_TYPE, '{"status":"alive"}']),
    readyz: answering(deps, async () => {
      const reason = await ops.notReady();
      if (reason === undefined) return [200, JSON_TYPE, '{"status":"ready"}'];
      return [503, JSON_TYPE, JSON.stringify({ status: 'not ready', reason })];
    }),
    metrics: answering(deps, async () => {
      const { contentType, text } = await ops.metrics();
      return [200, contentType, text];
    }),
    stats: answering(deps, async () => [200, JSON_TYPE, JSON.stringify(await ops.stats())]),
  };
}

function answering(deps: HttpDeps, make: () => Promise<Answer>) {
  return (bodiless: boolean) => (res: HttpResponse, _req: HttpRequest) => {
    const exchange = new Exchange(res, deps.load, deps.counters, bodiless);
    attempt(exchange, deps, async () => {
      const [status, contentType, body] = await make();
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
