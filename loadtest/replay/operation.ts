/** One request of a log. */
export interface Operation {
  /** Milliseconds since the epoch, as logged. */
  readonly atMs: number;
  readonly op: 'get' | 'set' | 'delete' | 'mget';
  /** One, or of `mget` at least one. */
  readonly keys: readonly string[];
  /** Of the value that was written or read, in bytes; undefined where the log does not say. */
  readonly bytes?: number;
}
