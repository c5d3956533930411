/** Lets only those requests reach a handler whose end is known. */
import { ServiceError } from '../errors.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { framingOf, isPlainRead, malformed } from './framing.ts';
import type { Handler } from './guard.ts';

type Deps = Pick<HttpDeps, 'load' | 'counters'>;

/**
 * Refuses a malformed request. Marks the response of a `last` request, so that its connection closes.
 * @param needsBody whether a request without a length is malformed, because the handler needs a body
 */
export function framed({ load, counters }: Deps, handler: Handler, needsBody = false): Handler {
  return (res, req) => {
    const framing = framingOf(req);
    const fault =
      needsBody && framing === 'lengthless'
        ? malformed('send Content-Length with the body', 'Content-Length')
        : framing;
    if (fault instanceof ServiceError)
      return new Exchange(res, load, counters, req.getMethod() === 'head').refuse(fault);
    if (fault !== 'certain') load.last.add(res);
    handler(res, req);
  };
}

/** `framed` for `GET` and `HEAD`, cheaper for plain requests. */
export function framedRead(deps: Deps, handler: Handler): Handler {
  const check = framed(deps, handler);
  return (res, req) => (isPlainRead(req) ? handler(res, req) : check(res, req));
}
