/** Lets only those requests reach a handler whose end is known. */
import { checkFraming, type FramingDeps } from './check-framing.ts';
import type { Handler } from './guard.ts';

/** @param needsBody whether a request without a length is malformed, because the handler needs a body */
export function framed(deps: FramingDeps, handler: Handler, needsBody = false): Handler {
  return (res, req) => {
    if (checkFraming(deps, res, req, needsBody)) handler(res, req);
  };
}

/** `framed` for answers that always close the connection, because no client needs it afterwards. */
export function framedLast(deps: FramingDeps, handler: Handler): Handler {
  return framed(deps, (res, req) => {
    deps.load.last.add(res);
    handler(res, req);
  });
}
