const FIRST_MS = 50;
const LONGEST_MS = 30_000;

/** How long to wait before the given attempt: doubling from 50 ms to 30 s, less up to half of it by chance. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  return Math.min(FIRST_MS * 2 ** Math.min(attempt, 20), LONGEST_MS) * (1 - random() / 2);
}
