/**
 * Decides for each request who sends it, and whether this client may send it. Every route has a rule in `server.ts`. Rights
 * to keys are checked by the handlers, which know the keys.
 */
import { CHALLENGE } from '../access/authenticator.ts';
import { nameOfClient, type Principal, type Scope } from '../access/principal.ts';
import { type CountBytes, networkOf, RateLimited } from '../access/rate-limit.ts';
import { Requester, saneRequestId } from '../access/requester.ts';
import { ServiceError } from '../errors.ts';
import type { HttpRequest, HttpResponse } from '../uws.ts';
import { checkFraming } from './check-framing.ts';
import { defer } from './deferred.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { HOST } from './framing.ts';
import { HostRule, pageFault } from './page-rules.ts';
import { CACHE_PATH } from './request.ts';

export type Handler = (res: HttpResponse, req: HttpRequest) => void;
/** @param principal undefined in a service without tokens */
export type GuardedHandler = (res: HttpResponse, req: HttpRequest, principal?: Principal) => void;

export interface Rule {
  /** The route, for audit lines: `PUT /v1/cache/{key}`. */
  readonly operation: string;
  /** The scope that every request of the route needs; undefined if it depends on the body. */
  readonly scope: Scope | undefined;
}

/** A page gains nothing from sending these requests: it cannot read the answer. */
const CHANGES_NOTHING = /^(GET|HEAD) |^POST \/v1\/mget$/;

/** These requests pay nothing for the guard without tokens. To read `Host` would cost a hit 8 % of its instructions. */
const READS_OF_VALUES: ReadonlySet<string> = new Set([`GET ${CACHE_PATH}{key}`, `HEAD ${CACHE_PATH}{key}`]);

const ADDRESS = new TextDecoder();

/** Wraps a handler, so that it receives only the requests that the rule and the limits of rates allow. */
export function guarded(deps: HttpDeps, rule: Rule, handler: GuardedHandler): Handler {
  const { rates } = deps.access;
  const allowed = authorized(deps, rule, handler);
  return (res, req) => {
    if (!rates.limitsAddresses) return allowed(res, req);
    try {
      countBody(res, rates.countAddress(networkOf(res.getRemoteAddress())));
    } catch (error) {
      return refuse(deps, rule, res, req, undefined, error);
    }
    allowed(res, req);
  };
}

/** Counts the bytes of the body as the handler receives them. */
function countBody(res: HttpResponse, count: CountBytes | undefined): void {
  if (count === undefined) return;
  const deliver = res.onData.bind(res);
  res.onData = (each) =>
    deliver((chunk, last) => {
      count(chunk.byteLength);
      each(chunk, last);
    });
}

/** Who makes the changes of a request, for its share of the pending writes. */
export function clientOf(res: HttpResponse, principal: Principal | undefined): string {
  return nameOfClient(principal) ?? networkOf(res.getRemoteAddress());
}

function authorized(deps: HttpDeps, rule: Rule, handler: GuardedHandler): Handler {
  const { authenticator, allowedHosts } = deps.access;
  const check = CHANGES_NOTHING.test(rule.operation) ? undefined : pageFault;
  if (authenticator === undefined) {
    if (READS_OF_VALUES.has(rule.operation)) return handler;
    const hosts = new HostRule(allowedHosts);
    return (res, req) => {
      const fault = hosts.fault(req.getHeader(HOST)) ?? check?.(req);
      if (fault !== undefined) refuse(deps, rule, res, req, undefined, fault);
      else handler(res, req, undefined);
    };
  }
  return (res, req) => {
    const fault = check?.(req);
    if (fault !== undefined) return refuse(deps, rule, res, req, undefined, fault);
    const header = req.getHeader('authorization');
    const principal = authenticator.lookup(header);
    if (principal !== undefined) return admit(deps, rule, handler, res, req, principal);
    if (header === '') return refuse(deps, rule, res, req, undefined, missing());
    defer(
      deps,
      res,
      req,
      authenticator.verify(header),
      (saved, verified) => admit(deps, rule, handler, res, saved, verified),
      (saved, error) => refuse(deps, rule, res, saved, undefined, error),
    );
  };
}

/** The sender of a request, for the checks of its keys and for audit lines. */
export function requesterOf(
  { access: { audit } }: HttpDeps,
  operation: string,
  res: HttpResponse,
  req: HttpRequest,
  principal: Principal | undefined,
): Requester {
  return new Requester(principal, operation, audit, {
    address: () => addressOf(res),
    requestId: saneRequestId(req.getHeader('x-request-id')),
  });
}

export function addressOf(res: HttpResponse): string {
  try {
    return ADDRESS.decode(res.getRemoteAddressAsText());
  } catch {
    // The client has disconnected, and uWS no longer has its address.
    return 'unknown';
  }
}

function admit(
  deps: HttpDeps,
  rule: Rule,
  handler: GuardedHandler,
  res: HttpResponse,
  req: HttpRequest,
  principal: Principal,
): void {
  const { scope } = rule;
  if (principal.limits !== undefined) {
    try {
      countBody(res, deps.access.rates.countPrincipal(principal));
    } catch (error) {
      return refuse(deps, rule, res, req, principal, error);
    }
  }
  if (scope === undefined || principal.scopes.has(scope)) return handler(res, req, principal);
  const fault = new ServiceError('forbidden', `the token lacks the scope ${scope}`);
  refuse(deps, rule, res, req, principal, fault);
}

function missing(): ServiceError {
  return new ServiceError('unauthenticated', 'Send the header Authorization: Bearer, with a token.');
}

function refuse(
  deps: HttpDeps,
  { operation }: Rule,
  res: HttpResponse,
  req: HttpRequest,
  principal: Principal | undefined,
  error: unknown,
): void {
  // Only reads of values arrive here unchecked.
  if (READS_OF_VALUES.has(operation) && !checkFraming(deps, res, req, 'none')) return;
  const exchange = new Exchange(res, deps.load, deps.counters, req.getMethod() === 'head');
  if (error instanceof ServiceError)
    requesterOf(deps, operation, res, req, principal).refused(error.code, { target: keyIn(req) });
  const challenge = error instanceof ServiceError && error.code === 'unauthenticated';
  try {
    const headers = error instanceof RateLimited ? error.headers : [];
    exchange.sendFault(error, challenge ? [['WWW-Authenticate', CHALLENGE]] : headers);
  } catch (cause) {
    deps.onFault(cause);
  }
}

/** The key in the path, still percent-encoded. */
function keyIn(req: HttpRequest): string | undefined {
  return req.getParameter(0) || undefined;
}
