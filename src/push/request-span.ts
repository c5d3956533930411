import { type ErrorCode, ServiceError } from '../errors.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import type { Frame } from './codec.ts';

/** Ends the span of a request of a WebSocket. @param error why it failed */
export function endRequest(span: TraceSpan | undefined, { data: { key } }: Frame, error?: unknown): void {
  if (span === undefined) return;
  if (typeof key === 'string') span.set('ratecache.key', key);
  if (error !== undefined) {
    const code: ErrorCode = error instanceof ServiceError ? error.code : 'internal';
    span.set('ratecache.code', code);
    if (!(error instanceof ServiceError) || error.status >= 500) {
      span.set('error.type', code);
      span.fail(code);
    }
  }
  span.end();
}
