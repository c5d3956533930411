/** Refuses malformed requests, and marks requests whose end is uncertain. */
import { ServiceError } from '../errors.ts';
import type { HttpRequest, HttpResponse } from '../uws.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { framingOf, malformed } from './framing.ts';

export type FramingDeps = Pick<HttpDeps, 'load' | 'counters'>;

/**
 * Refuses a malformed request. Marks the response of a `last` request, so that its connection closes.
 * @param needsBody whether a request without a length is malformed, because the handler needs a body
 * @returns whether the request may be answered
 */
export function checkFraming(
  { load, counters }: FramingDeps,
  res: HttpResponse,
  req: HttpRequest,
  needsBody = false,
): boolean {
  const framing = framingOf(req);
  const fault =
    needsBody && framing === 'lengthless'
      ? malformed('send Content-Length with the body', 'Content-Length')
      : framing;
  if (fault instanceof ServiceError) {
    new Exchange(res, load, counters, req.getMethod() === 'head').refuse(fault);
    return false;
  }
  if (fault !== 'certain') load.last.add(res);
  return true;
}
