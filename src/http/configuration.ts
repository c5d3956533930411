/** `GET` and `HEAD /v1/configuration`: the variables of this service, without secrets. */
import { allowsMatch } from '../access/principal.ts';
import { EVERYTHING } from '../cache/match.ts';
import { attempt, shedIfOverloaded } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { type GuardedHandler, requesterOf } from './guard.ts';
import { acceptOf, preferredEncoding } from './negotiate.ts';
import { checkNoParameters } from './query.ts';
import { sendData } from './send-data.ts';

/** A client with key prefixes may use a part of the service only, so it may not read the configuration of all. */
export function configurationHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  const { load, counters } = deps;
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, bodiless);
    exchange.operation = `${bodiless ? 'HEAD' : 'GET'} /v1/configuration`;
    const requester = requesterOf(deps, exchange.operation, res, req, principal);
    exchange.onOutcome = requester.auditAdmin(() => ({}));
    attempt(exchange, deps, async () => {
      shedIfOverloaded(deps);
      checkNoParameters(req.getQuery());
      const encoding = preferredEncoding(acceptOf(req));
      if (principal !== undefined && !allowsMatch(principal, EVERYTHING))
        throw requester.refuse('the configuration is of all keys, but the token has prefixes', undefined, {});
      sendData(exchange, encoding, 200, await deps.configuration());
    });
  };
}
