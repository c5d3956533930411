import type { WarmupRecord } from './record.ts';

/**
 * The result of one record:
 * - `stored`: the store has the value.
 * - `kept`: the key already had a newer value, which stays.
 * - `pending`: the service has accepted the value, but Redis has not confirmed it.
 * - `conflict`: the key has the row of another contract, which stays.
 * - `error`: the value was not stored.
 *
 * `reason` explains `pending`, `conflict` and `error`.
 */
export interface Outcome {
  readonly status: 'stored' | 'kept' | 'pending' | 'conflict' | 'error';
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

/** A value as it is stored: its parsed JSON, and the version on which a deletion depends. */
export interface Stored {
  readonly key: string;
  readonly value: unknown;
  readonly version: string;
}

/** A sink whose stored values can be read, listed and deleted. Each method rejects if the store as a whole failed. */
export interface Target extends Sink {
  /** One result per key, in their order. `unknown`: Redis did not answer, so the key may have another value. */
  read(keys: readonly string[], signal?: AbortSignal): Promise<readonly (Stored | 'absent' | 'unknown')[]>;
  /** All keys of the type `borrow_rate`, a page at a time. A key may occur twice. */
  list(signal?: AbortSignal): AsyncIterable<readonly string[]>;
  /** Deletes the values that still have their version. Returns the number of deleted values. */
  remove(values: readonly Stored[], signal?: AbortSignal): Promise<number>;
}

/** The sink could not be reached, or closed the connection without an answer. */
export class Unreachable extends Error {}

/** The reason of an error: its code and its detail. */
export function reasonOf(code: string, detail: unknown): string {
  return typeof detail === 'string' && detail !== '' ? `${code}: ${detail}` : code;
}
