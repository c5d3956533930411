import type { TraceSpan } from '../tracing/tracing.ts';

/**
 * Starts the span of a command that serves several requests, if one of them is traced. It is a step of the first traced request.
 * The others, and it, name each other by links. A request with several keys in the batch counts once.
 * @param operation the command, by its name in Redis
 */
export function batchSpan(
  items: readonly { readonly span?: TraceSpan | undefined }[],
  operation: string,
): TraceSpan | undefined {
  let first: TraceSpan | undefined;
  let batch: TraceSpan | undefined;
  let last: TraceSpan | undefined;
  for (const { span } of items) {
    // The keys of one request are next to each other.
    if (span === undefined || span === last) continue;
    last = span;
    if (batch === undefined) {
      first = span;
      batch = span.child(operation, 'client');
      batch.set('db.system.name', 'redis');
      batch.set('db.operation.name', operation);
      batch.set('ratecache.keys', items.length);
    } else if (span !== first) {
      batch.link(span);
      span.link(batch);
    }
  }
  return batch;
}
