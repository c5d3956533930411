/** One request of a log. */
export interface Operation {
  /** Logged time, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly op: 'get' | 'set' | 'delete' | 'mget';
  /** One key; for `mget` at least one. */
  readonly keys: readonly string[];
  /** Size of the value; undefined if the log does not have it. */
  readonly bytes?: number;
}
