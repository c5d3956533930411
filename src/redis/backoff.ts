const FIRST_MS = 50;
export const LONGEST_MS = 30_000;

/** The pause before the given attempt: it doubles from 50 ms to `longestMs`, less a random part of up to half. */
export function backoffMs(
  attempt: number,
  random: () => number = Math.random,
  longestMs: number = LONGEST_MS,
): number {
  return Math.min(FIRST_MS * 2 ** Math.min(attempt, 20), longestMs) * (1 - random() / 2);
}
