/** Lets only requests whose end is known reach a handler. */
import { checkFraming, type FramingDeps } from './check-framing.ts';
import { Exchange } from './exchange.ts';
import { type ExpectedBody, malformed } from './framing.ts';
import type { Handler } from './guard.ts';

export function framed(deps: FramingDeps, expected: ExpectedBody, handler: Handler): Handler {
  return (res, req) => {
    if (checkFraming(deps, res, req, expected)) handler(res, req);
  };
}

/** For requests of any method. Their answers always close the connection, because no client needs it afterwards. */
export function framedLast(deps: FramingDeps, handler: Handler): Handler {
  const { load, counters } = deps;
  return framed(deps, 'usual', (res, req) => {
    if (req.getMethod() === '')
      return new Exchange(res, load, counters, false).refuse(malformed('send a method', 'method'));
    load.last.add(res);
    handler(res, req);
  });
}
