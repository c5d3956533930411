import type { ConnectionReport } from './questions.ts';

type HttpReport = Pick<ConnectionReport, 'http' | 'answers' | 'closed'>;

/** The greatest deviation from an even spread that is left alone. */
const TOLERANCE = 0.2;
/** The greatest share of its lasting connections that a process closes at once. */
const CLOSED_AT_ONCE = 0.1;

/**
 * How many WebSockets and event streams each process closes, so that their clients connect again. It closes at most a
 * tenth of them, and half of what it has too many. The kernel then chooses a process at random, so few are closed at a
 * time.
 */
export function surplusOfLasting(counts: readonly number[]): number[] {
  return surplus(counts).map((count, i) =>
    Math.min(Math.ceil(count / 2), Math.ceil(counts[i]! * CLOSED_AT_ONCE)),
  );
}

/**
 * How many of its next answers each process lets close their connections. Answers find the connections with many requests
 * first, and these may be few. So a process closes connections only while it has too many and also gives more than its
 * share of the answers. It closes one at first, then up to twice as many as before, and fewer as its share comes closer to
 * an even one.
 */
export function surplusOfHttp(reports: readonly HttpReport[]): number[] {
  const even = reports.reduce((sum, { answers }) => sum + answers, 0) / reports.length;
  return surplus(reports.map(({ http }) => http)).map((count, i) => {
    const { answers, closed } = reports[i]!;
    if (answers <= even) return 0;
    const excess = Math.min(1, answers / even - 1);
    return Math.ceil(Math.min(count, excess * (2 * closed + 1)));
  });
}

/** What each process has more than an even share; 0 for all while they are within a fifth of an even spread. */
function surplus(counts: readonly number[]): number[] {
  const even = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  // One connection more or less is as even as whole numbers allow.
  const tolerated = Math.max(1, even * TOLERANCE);
  if (counts.every((count) => Math.abs(count - even) <= tolerated)) return counts.map(() => 0);
  return counts.map((count) => Math.max(0, count - even));
}
