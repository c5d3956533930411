/** What the handlers of operations share: they read a body, run, write an audit line, and answer with data. */
import type { Principal } from '../access/principal.ts';
import type { Requester, Target } from '../access/requester.ts';
import type { HttpRequest } from '../uws.ts';
import { attempt, readBody, shedIfOverloaded } from './body.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { clientOf, type GuardedHandler, requesterOf } from './guard.ts';
import { ONE_TURN_BYTES, readInTurns } from './large-body.ts';
import { acceptOf, bodyEncoding, preferredEncoding } from './negotiate.ts';
import { decodeBody, decodeLargeBody } from './payload.ts';
import { checkNoParameters } from './query.ts';
import { sendData } from './send-data.ts';

export type Answer = readonly [status: 200 | 201 | 202, data: unknown];

export interface Request {
  readonly requester: Requester;
  readonly exchange: Exchange;
  /** Who makes the changes. */
  readonly client: string;
  /** The last part of the path, as `nameIn` returned it. */
  readonly name: string;
  /** Receives what the audit line names. */
  readonly concerns: (target: Target) => void;
}

export interface OperationOptions {
  /** The most members and elements of a body. */
  readonly maxItems: number;
  /** Whether every call has an audit line, or only calls with AUDIT_WRITES. By default every call. */
  readonly audit?: 'admin' | 'write';
  /** Returns the last part of the path. @throws ServiceError */
  readonly nameIn?: (req: HttpRequest) => string;
}

type Run = (body: unknown, request: Request) => Promise<Answer>;

const EMPTY_BODY = { data: {} };

/** @param operation its method and path, for audit lines */
export function operationHandler(
  deps: HttpDeps,
  operation: string,
  options: OperationOptions,
  run: Run,
): GuardedHandler {
  const { audit = 'admin', nameIn = () => '' } = options;
  const { load, counters, limits } = deps;
  const hasNoBody = operation.startsWith('DELETE ');
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, false);
    exchange.operation = operation;
    const form = { hasValues: false, maxItems: options.maxItems };
    const requester = requesterOf(deps, operation, res, req, principal);
    const client = clientOf(res, principal);
    let concerned: Target = {};
    const concerns = (target: Target) => {
      concerned = target;
    };
    const target = () => concerned;
    exchange.onOutcome = audit === 'admin' ? requester.auditAdmin(target) : requester.auditWrite(target);
    attempt(exchange, deps, () => {
      shedIfOverloaded(deps);
      checkNoParameters(req.getQuery());
      const name = nameIn(req);
      const encoding = hasBody(req) ? bodyEncoding(req.getHeader('content-type')) : 'json';
      const answerAs = preferredEncoding(acceptOf(req));
      const answer = async (data: unknown) =>
        sendData(exchange, answerAs, ...(await run(data, { requester, exchange, client, name, concerns })));
      if (hasNoBody) return answer(EMPTY_BODY.data);
      readBody(exchange, req, deps, limits.maxBodyBytes, 'body_too_large', (body) => {
        attempt(exchange, deps, async () => {
          const { data } =
            body.length > ONE_TURN_BYTES
              ? await readInTurns(load, body, (copy) => decodeLargeBody(encoding, copy, form))
              : body.length > 0
                ? decodeBody(encoding, body, form)
                : EMPTY_BODY;
          await answer(data);
        });
      });
    });
  };
}

/** The handler of a list that is in memory. @param list returns what the client may see */
export function listHandler(
  deps: HttpDeps,
  bodiless: boolean,
  list: (principal: Principal | undefined) => unknown,
): GuardedHandler {
  const { load, counters } = deps;
  return (res, req, principal) => {
    const exchange = new Exchange(res, load, counters, bodiless);
    attempt(exchange, deps, () => {
      shedIfOverloaded(deps);
      checkNoParameters(req.getQuery());
      sendData(exchange, preferredEncoding(acceptOf(req)), 200, list(principal));
    });
  };
}

/** Whether a request has a body, or claims one. An operation without parameters needs no body. */
function hasBody(req: HttpRequest): boolean {
  const length = req.getHeader('content-length');
  return (length !== '' && length !== '0') || req.getHeader('transfer-encoding') !== '';
}
