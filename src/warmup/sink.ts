import type { WarmupRecord } from './record.ts';

/**
 * The result of one record:
 * - `stored`: the store has the value.
 * - `kept`: the key already had a newer value, which stays.
 * - `pending`: the service has accepted the value, but Redis has not confirmed it.
 * - `error`: the value was not stored.
 *
 * `reason` explains `pending` and `error`.
 */
export interface Outcome {
  readonly status: 'stored' | 'kept' | 'pending' | 'error';
  readonly reason?: string;
}

/**
 * Where warm-up writes.
 *
 * 1. `write` resolves with one outcome per record, in the order of the batch. Each key occurs once in a batch.
 * 2. It rejects if the batch as a whole failed. People read the message.
 * 3. It may be called again before it has resolved, but never with a key of an open call. So of two records with one
 *    key, the later record is written last.
 * 4. After `signal` aborts, the caller ignores the result.
 */
export interface Sink {
  write(batch: readonly WarmupRecord[], signal?: AbortSignal): Promise<readonly Outcome[]>;
}

/** The reason of an error: its code and its detail. */
export function reasonOf(code: string, detail: unknown): string {
  return typeof detail === 'string' && detail !== '' ? `${code}: ${detail}` : code;
}
