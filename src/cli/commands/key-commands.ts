/** What the subcommands for keys share. */

export const KEY_TIMEOUT_MS = 5_000;

/** The exit codes of reads and writes. */
export const CALL_EXITS = {
  1: 'the service answered with an error',
  2: 'the service is unreachable',
} as const;

/** The exit codes of reads. Of several keys, the lowest of the codes 1, 4 and 3 in this order. */
export const READ_EXITS = {
  ...CALL_EXITS,
  3: 'a key has no value',
  4: 'L1 has no value of a key and Redis did not answer: the key may have a value',
} as const;
