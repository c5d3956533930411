/**
 * `GET` and `HEAD` of `/v1/history` and `/v1/replicas`: what the live page shows. The answers contain neither keys nor
 * values.
 */
import type { Principal } from '../access/principal.ts';
import { ServiceError } from '../errors.ts';
import { attempt, shedIfOverloaded } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import type { GuardedHandler } from './guard.ts';
import { acceptOf, preferredEncoding } from './negotiate.ts';
import { parametersOf } from './query.ts';
import { sendData } from './send-data.ts';

const HISTORY_PARAMETERS: ReadonlySet<string> = new Set(['after']);
const NO_PARAMETERS: ReadonlySet<string> = new Set();

/** `?after=` is the number of the last sample that the client has. */
export function historyHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  return answering(deps, bodiless, HISTORY_PARAMETERS, (query, principal) =>
    deps.history(afterOf(query.get('after')), principal),
  );
}

export function replicasHandler(deps: HttpDeps, bodiless: boolean): GuardedHandler {
  return answering(deps, bodiless, NO_PARAMETERS, () => deps.replicas());
}

function answering(
  deps: HttpDeps,
  bodiless: boolean,
  known: ReadonlySet<string>,
  make: (query: ReadonlyMap<string, string>, principal: Principal | undefined) => Promise<unknown>,
): GuardedHandler {
  return (res, req, principal) => {
    const exchange = new Exchange(res, deps.load, deps.counters, bodiless);
    attempt(exchange, deps, async () => {
      shedIfOverloaded(deps);
      const query = parametersOf(req.getQuery(), known);
      const encoding = preferredEncoding(acceptOf(req));
      sendData(exchange, encoding, 200, await make(query, principal));
    });
  };
}

function afterOf(text: string | undefined): number {
  if (text === undefined) return 0;
  const number = Number(text);
  if (/^\d{1,15}$/.test(text)) return number;
  throw new ServiceError('query_invalid', 'after is the number of a sample: an integer from 0 on', 'after');
}
