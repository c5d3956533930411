import type { HttpRequest } from '../uws.ts';
import type { HttpDeps } from './deps.ts';
import { type Exchange, fault } from './exchange.ts';

/**
 * Reads a request's body, and hands it over whole: `use` gets a view that is valid only during its call, so
 * it must copy what it keeps. A body over the limit is refused as soon as that is known, from its
 * `Content-Length` or from what has come; a body for which there is no room now is refused with `overloaded`.
 * What `use` throws becomes the answer.
 *
 * @param tooLarge the error code for a body over `limitBytes`
 */
export function readBody(
  exchange: Exchange,
  req: HttpRequest,
  deps: HttpDeps,
  limitBytes: number,
  tooLarge: 'value_too_large' | 'body_too_large',
  use: (body: Buffer) => void,
): void {
  const { load, limits } = deps;
  const refuse = () =>
    exchange.sendProblem(fault(tooLarge, `at most ${limitBytes} bytes are taken`), [], true);
  if (Number(req.getHeader('content-length')) > limitBytes) return refuse();

  let received: Buffer[] = [];
  let size = 0;
  const release = () => {
    load.bodyBytes -= size;
    received = [];
    size = 0;
  };
  exchange.onGone = release;
  exchange.onData((chunk, last) => {
    if (size + chunk.length > limitBytes) {
      release();
      return refuse();
    }
    if (last) {
      const body = size === 0 ? chunk : Buffer.concat([...received, chunk]);
      release();
      return attempt(exchange, deps, () => use(body));
    }
    if (load.bodyBytes + chunk.length > limits.maxBufferedBodyBytes) {
      release();
      const busy = fault('overloaded', 'too many bytes of unfinished requests are held');
      return exchange.sendProblem(busy, [], true);
    }
    // uWS takes the chunk back as soon as this returns.
    received.push(Buffer.from(chunk));
    size += chunk.length;
    load.bodyBytes += chunk.length;
  });
}

/** @throws ServiceError `overloaded` where this work must give way to L1 hits */
export function shedIfOverloaded({ overloaded, counters }: HttpDeps): void {
  if (!overloaded()) return;
  counters.shed++;
  throw fault('overloaded', 'the event loop is late; only what L1 holds is answered now');
}

/** Runs a step of an exchange; what it throws, or what the promise it gives rejects with, is the answer. */
export function attempt(exchange: Exchange, deps: HttpDeps, step: () => void | Promise<void>): void {
  try {
    step()?.catch((error) => fail(exchange, deps, error));
  } catch (error) {
    fail(exchange, deps, error);
  }
}

function fail(exchange: Exchange, deps: HttpDeps, error: unknown): void {
  try {
    exchange.sendFault(error);
  } catch (cause) {
    deps.onFault(cause);
  }
}
