import type { WarmupRecord } from './record.ts';

/** `kept`: what was there is newer and stays. `code`: why, for `error`. */
export interface Outcome {
  readonly status: 'stored' | 'kept' | 'error';
  readonly code?: string;
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
