import type { WarmupRecord } from './record.ts';

/**
 * `stored`: the store has it. `kept`: what was there is newer and stays. `pending`: the service has accepted it and Redis
 * has not taken it yet, or nobody knows whether it has. `reason`: why, for `pending` and `error`.
 */
export interface Outcome {
  readonly status: 'stored' | 'kept' | 'pending' | 'error';
  readonly reason?: string;
}

/**
 * Where warm-up writes.
 *
 * 1. `write` answers one outcome a record, in the order of the batch. No key occurs twice in a batch.
 * 2. It rejects when the batch as a whole failed; the message is shown to people.
 * 3. It may be called again before it has answered, but never with a key that is still under way, so
 *    that of two records with one key the later is written last.
 * 4. When `signal` aborts, nobody waits for the answer any more.
 */
export interface Sink {
  write(batch: readonly WarmupRecord[], signal?: AbortSignal): Promise<readonly Outcome[]>;
}

/** The reason of an error: its code, and what a person needs to know. */
export function reasonOf(code: string, detail: unknown): string {
  return typeof detail === 'string' && detail !== '' ? `${code}: ${detail}` : code;
}
