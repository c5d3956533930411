import type { TraceSpan } from '../tracing/tracing.ts';

/**
 * Ends the span of a request.
 * @param status undefined for a client that disconnected before the answer
 * @param outcome the status, or the code of the error
 */
export function endRequest(
  span: TraceSpan,
  status: number | undefined,
  outcome: string,
  key: string | undefined,
): void {
  if (status !== undefined) span.set('http.response.status_code', status);
  if (key !== undefined) span.set('ratecache.key', key);
  if (outcome !== String(status)) span.set('ratecache.code', outcome);
  if (status === undefined || status >= 500) {
    span.set('error.type', outcome);
    span.fail(outcome);
  }
  span.end();
}
