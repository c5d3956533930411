/** When requests are due, whatever happens to them. */
export interface Schedule {
  /** When the n-th request, from 0, is due: milliseconds from the start, ascending; Infinity after the last. */
  dueAt(n: number): number;
}

/** Evenly spaced requests. */
export function steady(ratePerSecond: number, forMs: number): Schedule {
  return bursts(ratePerSecond, 1, forMs);
}

/** Evenly spaced bursts of `size` requests. */
export function bursts(ratePerSecond: number, size: number, forMs: number): Schedule {
  const everyMs = (1000 * size) / ratePerSecond;
  return {
    dueAt(n) {
      const at = Math.floor(n / size) * everyMs;
      return at < forMs ? at : Number.POSITIVE_INFINITY;
    },
  };
}
