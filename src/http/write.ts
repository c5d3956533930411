/** `PUT` and `DELETE /v1/cache/{key}`. */

import { type Condition, whyRefused } from '../cache/condition.ts';
import type { Encoding } from '../cache/entry.ts';
import { checkKey } from '../cache/key-and-ttl.ts';
import { keyWarning } from '../cache/key-warning.ts';
import type { Postponed } from '../cache/store.ts';
import type { Counters } from '../metrics/counters.ts';
import type { HttpRequest } from '../uws.ts';
import { attempt, readBody, shedIfOverloaded } from './body.ts';
import { conditionOf } from './conditions.ts';
import type { HttpDeps } from './deps.ts';
import { etagOf } from './etag.ts';
import { Exchange, fault, type Headers, JSON_TYPE } from './exchange.ts';
import { clientOf, type GuardedHandler, requesterOf } from './guard.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { ONE_TURN_BYTES, readInTurns } from './large-body.ts';
import { bodyEncoding } from './negotiate.ts';
import { originOfPut } from './origin.ts';
import { checkNoParameters, parametersOf } from './query.ts';
import { encodedKeyOf, keyFromPath, ttlFromQuery } from './request.ts';
import { largeValueFrom, valueFrom } from './value.ts';

const PUT_PARAMETERS: ReadonlySet<string> = new Set(['ttl', 'asOf', 'source', 'suspect']);

export function putHandler(deps: HttpDeps): GuardedHandler {
  const { cache, clock, counters, limits, load } = deps;
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, false, counters.setSeconds);
    exchange.operation = 'PUT /v1/cache/{key}';
    const requester = requesterOf(deps, exchange.operation, res, req, principal);
    const client = clientOf(res, principal);
    attempt(exchange, deps, () => {
      shedIfOverloaded(deps);
      const key = keyOf(req, limits.maxKeyBytes);
      exchange.key = key;
      requester.requireKey(key);
      exchange.onOutcome = requester.auditWrite(() => ({ target: key }));
      const parameters = parametersOf(req.getQuery(), PUT_PARAMETERS);
      const ttl = ttlFromQuery(parameters.get('ttl'));
      const origin = originOfPut(req, parameters, clock.now);
      const encoding = bodyEncoding(req.getHeader('content-type'));
      const condition = conditionOf(req, parameters.has('asOf') ? origin?.asOf : undefined);
      const idempotencyKey = idempotencyKeyOf(req);
      readBody(exchange, req, deps, limits.maxValueBytes, 'value_too_large', (body) => {
        attempt(exchange, deps, async () => {
          const value =
            body.length > ONE_TURN_BYTES
              ? await readInTurns(load, body, (copy) => largeValueFrom(encoding, copy))
              : valueFrom(encoding, body);
          const details = { client, idempotencyKey, origin, span: exchange.span };
          const outcome = await exchange.waitForRedis(cache.set(key, value, ttl, condition, details));
          if (outcome.status === 'refused') return refuse(exchange, condition, outcome.version);
          const headers = [...tagged(outcome.version, encoding), ...warnings(key, counters)];
          if (outcome.status === 'accepted' || outcome.status === 'unknown')
            return accept(exchange, outcome.status, headers);
          exchange.send(outcome.status === 'created' ? 201 : 204, headers);
        });
      });
    });
  };
}

export function deleteHandler(deps: HttpDeps): GuardedHandler {
  const { cache, counters, limits, load } = deps;
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, false, counters.deleteSeconds);
    exchange.operation = 'DELETE /v1/cache/{key}';
    const requester = requesterOf(deps, exchange.operation, res, req, principal);
    const client = clientOf(res, principal);
    attempt(exchange, deps, async () => {
      shedIfOverloaded(deps);
      const key = keyOf(req, limits.maxKeyBytes);
      exchange.key = key;
      requester.requireKey(key);
      exchange.onOutcome = requester.auditWrite(() => ({ target: key }));
      checkNoParameters(req.getQuery());
      const condition = conditionOf(req);
      const details = { client, idempotencyKey: idempotencyKeyOf(req), span: exchange.span };
      const outcome = await exchange.waitForRedis(cache.delete(key, condition, details));
      if (outcome.status === 'refused') return refuse(exchange, condition, outcome.version);
      if (outcome.status === 'accepted' || outcome.status === 'unknown')
        return accept(exchange, outcome.status, []);
      exchange.send(204, []);
    });
  };
}

function keyOf(req: HttpRequest, maxKeyBytes: number): string {
  const key = keyFromPath(encodedKeyOf(req));
  checkKey(key, maxKeyBytes);
  return key;
}

const ACCEPTED =
  'The change will be applied when Redis is reachable; it is lost if this process stops first.';
const UNKNOWN =
  'Redis did not answer in time, so the change may have been applied. It is settled when Redis is reachable.';

/** Answers 202: the change is a pending write, which is applied when Redis is reachable. */
function accept(exchange: Exchange, status: Postponed, headers: Headers): void {
  const body =
    status === 'accepted'
      ? { status, code: 'l2_unavailable', detail: ACCEPTED }
      : { status, code: 'write_unknown', detail: UNKNOWN };
  exchange.send(
    202,
    [['Content-Type', JSON_TYPE], ['Cache-Control', 'no-store'], ...headers],
    JSON.stringify(body),
  );
}

function refuse(exchange: Exchange, condition: Condition | undefined, present: string | undefined): void {
  const problem = fault('precondition_failed', whyRefused(condition, present));
  exchange.sendProblem(problem, present === undefined ? [] : tagged(present));
}

/** A warning header for a key whose type is probably misspelt; counts such keys. */
function warnings(key: string, counters: Counters): Headers {
  const warning = keyWarning(key);
  if (warning === undefined) return [];
  counters.suspiciousKeyTypes++;
  return [['Ratecache-Warning', warning]];
}

function tagged(version: string, encoding: Encoding = 'json'): Headers {
  return [['ETag', etagOf(version, encoding)]];
}
