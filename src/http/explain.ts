/** `GET` and `HEAD /v1/explain/{key}`: one key in each tier of every replica. */
import { checkKey } from '../cache/key-and-ttl.ts';
import { attempt, shedIfOverloaded } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { type GuardedHandler, requesterOf } from './guard.ts';
import { acceptOf, preferredEncoding } from './negotiate.ts';
import { checkNoParameters } from './query.ts';
import { keyFromPath } from './request.ts';
import { sendData } from './send-data.ts';

export const EXPLAIN_PATH = '/v1/explain/';
/** As for values: the second route matches keys with a slash. */
export const EXPLAIN_ROUTES = [`${EXPLAIN_PATH}:key`, `${EXPLAIN_PATH}*`] as const;

export function explainHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  const { load, counters, limits } = deps;
  const operation = `${bodiless ? 'HEAD' : 'GET'} ${EXPLAIN_PATH}{key}`;
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, bodiless);
    exchange.operation = operation;
    const requester = requesterOf(deps, operation, res, req, principal);
    attempt(exchange, deps, async () => {
      shedIfOverloaded(deps);
      const key = keyFromPath(req.getParameter(0) || req.getUrl().slice(EXPLAIN_PATH.length));
      checkKey(key, limits.maxKeyBytes);
      exchange.key = key;
      requester.requireKey(key);
      checkNoParameters(req.getQuery());
      const encoding = preferredEncoding(acceptOf(req));
      sendData(exchange, encoding, 200, await deps.explain(key, principal));
    });
  };
}
