/** Gives sampled requests a span. Without traces no request passes through here. */
import type { Tracing } from '../tracing/tracing.ts';
import type { HttpDeps } from './deps.ts';
import type { Handler } from './guard.ts';

/**
 * Wraps the handler of a route.
 * @param operation the method and the route
 * @param handler of requests that are not sampled
 * @param sampled of sampled requests: it makes an `Exchange`, which takes the span
 */
export function traced(
  { load }: Pick<HttpDeps, 'load'>,
  tracing: Tracing,
  operation: string,
  handler: Handler,
  sampled = handler,
): Handler {
  const [method, route] = operation.split(' ') as [string, string];
  load.spans ??= new WeakMap();
  const { spans } = load;
  return (res, req) => {
    const span = tracing.request(operation, req);
    if (span === undefined) return handler(res, req);
    span.set('http.request.method', method);
    span.set('http.route', route);
    spans.set(res, span);
    sampled(res, req);
  };
}
