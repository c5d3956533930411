/** `GET` and `HEAD /v1/hot-keys`: the keys with the most reads and the most misses. */
import { allowsKey } from '../access/principal.ts';
import { attempt, shedIfOverloaded } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import type { GuardedHandler } from './guard.ts';
import { acceptOf, preferredEncoding } from './negotiate.ts';
import { checkNoParameters } from './query.ts';
import { sendData } from './send-data.ts';

/** A client with key prefixes receives only the keys that it may read. */
export function hotKeysHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  const { load, counters } = deps;
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, bodiless);
    exchange.operation = `${bodiless ? 'HEAD' : 'GET'} /v1/hot-keys`;
    attempt(exchange, deps, async () => {
      shedIfOverloaded(deps);
      checkNoParameters(req.getQuery());
      const allowed = (key: string) => principal === undefined || allowsKey(principal, key);
      const encoding = preferredEncoding(acceptOf(req));
      sendData(exchange, encoding, 200, await deps.hotKeys(allowed));
    });
  };
}
