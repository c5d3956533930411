/** The greatest deviation from an even spread that is left alone. */
const TOLERANCE = 0.2;
/** The greatest share of its sockets that a process closes at once. */
const CLOSED_AT_ONCE = 0.1;

/**
 * How many sockets each process closes, so that their clients connect again. The kernel then chooses a process at random, so
 * few are closed at a time. While all processes are within a fifth of an even spread, none closes any.
 */
export function surplus(sockets: readonly number[]): number[] {
  const even = sockets.reduce((sum, count) => sum + count, 0) / sockets.length;
  // One socket more or less is as even as whole numbers allow.
  const tolerated = Math.max(1, even * TOLERANCE);
  if (sockets.every((count) => Math.abs(count - even) <= tolerated)) return sockets.map(() => 0);
  return sockets.map((count) =>
    Math.min(Math.ceil(Math.max(0, count - even) / 2), Math.ceil(count * CLOSED_AT_ONCE)),
  );
}
