import type { HttpRequest } from '../uws.ts';
import type { HttpDeps } from './deps.ts';
import { type Exchange, fault } from './exchange.ts';
import { CONTENT_LENGTH } from './framing.ts';

/**
 * Reads the whole body of a request and passes it to `use`. The buffer is valid only during that call, so `use` must
 * copy what it stores. A body over the limit is rejected as soon as its `Content-Length` or the bytes received exceed
 * it. A body that would exceed the limit of all unfinished bodies is rejected with `overloaded`. An exception of `use`
 * becomes the answer.
 *
 * A chunked body is used in a later turn of the event loop. uWS accepts a malformed end of it, and a request that follows in
 * the same segment then closes the connection before.
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
  const refuse = () => exchange.refuse(fault(tooLarge, `at most ${limitBytes} bytes are allowed`));
  const length = req.getHeader(CONTENT_LENGTH);
  if (Number(length) > limitBytes) return refuse();
  const chunked = length === '' && req.getHeader('transfer-encoding') !== '';

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
      if (!chunked) return attempt(exchange, deps, () => use(body));
      // uWS reads a malformed size of the first chunk as 0.
      if (body.length === 0)
        return exchange.refuse(fault('bad_request', 'send Content-Length: 0 for an empty body', 'body'));
      const copy = Buffer.from(body);
      setImmediate(() => {
        if (!exchange.done) attempt(exchange, deps, () => use(copy));
      });
      return;
    }
    if (load.bodyBytes + chunk.length > limits.maxBufferedBodyBytes) {
      release();
      const busy = fault('overloaded', 'unfinished request bodies exceed MAX_BUFFERED_BODY_BYTES');
      return exchange.refuse(busy);
    }
    // uWS reuses the memory of the chunk as soon as this callback returns.
    received.push(Buffer.from(chunk));
    size += chunk.length;
    load.bodyBytes += chunk.length;
  });
}

/** @throws ServiceError `overloaded` while the event loop is too late to do more than answer L1 hits */
export function shedIfOverloaded({ overloaded, counters }: HttpDeps): void {
  if (!overloaded()) return;
  counters.shed++;
  throw fault('overloaded', 'the event loop is late; the service answers only reads of L1 hits');
}

/** Runs a step of an exchange. An exception, or the rejection of its promise, becomes the answer. */
export function attempt(
  exchange: Exchange,
  deps: Pick<HttpDeps, 'onFault'>,
  step: () => void | Promise<void>,
): void {
  try {
    step()?.catch((error) => fail(exchange, deps, error));
  } catch (error) {
    fail(exchange, deps, error);
  }
}

function fail(exchange: Exchange, deps: Pick<HttpDeps, 'onFault'>, error: unknown): void {
  try {
    exchange.sendFault(error);
  } catch (cause) {
    deps.onFault(cause);
  }
}
