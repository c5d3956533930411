import { RatecacheError } from './errors.ts';

/** How long a call may take. */
export interface Waiting {
  /** The deadline of the call, in ms from now. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Settles as the promise does, or rejects with `timeout` or `aborted`, whichever is first. */
export function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = limit(timeoutMs, signal, reject);
    promise.then(resolve, reject).finally(stop);
  });
}

/** Calls `fail` when the time is up or the signal is aborted, unless the returned function is called before. */
export function limit(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  fail: (error: RatecacheError) => void,
): () => void {
  const aborted = () => {
    stop();
    fail(new RatecacheError('aborted', 'the request was aborted', { cause: signal?.reason }));
  };
  const timer = setTimeout(() => {
    stop();
    fail(new RatecacheError('timeout', `no answer within ${timeoutMs} ms`));
  }, timeoutMs);
  const stop = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  };
  if (signal?.aborted) aborted();
  else signal?.addEventListener('abort', aborted);
  return stop;
}
