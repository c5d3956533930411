const FIRST_MS = 50;
export const LONGEST_MS = 30_000;

/** Returns the pause before an attempt. It doubles from 50 ms to `longestMs`; jitter shortens it by up to half. */
export function backoffMs(
  attempt: number,
  random: () => number = Math.random,
  longestMs: number = LONGEST_MS,
): number {
  return Math.min(FIRST_MS * 2 ** Math.min(attempt, 20), longestMs) * (1 - random() / 2);
}
