/** Refuses malformed requests, and marks requests whose end is uncertain. */
import { ServiceError } from '../errors.ts';
import type { HttpRequest, HttpResponse } from '../uws.ts';
import type { HttpDeps } from './deps.ts';
import { Exchange } from './exchange.ts';
import { type ExpectedBody, framingOf } from './framing.ts';

export type FramingDeps = Pick<HttpDeps, 'load' | 'counters'>;

/**
 * Refuses a malformed request. Marks the response of a `last` request, so that its connection closes.
 * @returns whether the request may be answered
 */
export function checkFraming(
  { load, counters }: FramingDeps,
  res: HttpResponse,
  req: HttpRequest,
  expected: ExpectedBody,
): boolean {
  const framing = framingOf(req, expected);
  if (framing instanceof ServiceError) {
    new Exchange(res, load, counters, req.getMethod() === 'head').refuse(framing);
    return false;
  }
  if (framing === 'last') load.last.add(res);
  return true;
}
