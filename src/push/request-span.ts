import { ServiceError } from '../errors.ts';
import type { TraceSpan } from '../tracing/tracing.ts';
import type { Frame } from './codec.ts';

/** Ends the span of a request of a WebSocket. @param error why it failed */
export function endFrame(span: TraceSpan | undefined, { data: { key } }: Frame, error?: unknown): void {
  if (span === undefined) return;
  const code = error === undefined ? undefined : error instanceof ServiceError ? error.code : 'internal';
  const isFault = !(error instanceof ServiceError) || error.status >= 500;
  span.endRequest({
    key: typeof key === 'string' ? key : undefined,
    code,
    failure: isFault ? code : undefined,
  });
}
