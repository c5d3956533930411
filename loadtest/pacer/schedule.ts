/** When requests are due, whatever becomes of them. */
export interface Schedule {
  /** When the n-th, from 0, is due: milliseconds from the start, never falling; Infinity after the last. */
  dueAt(n: number): number;
}

/** Evenly spaced. */
export function steady(ratePerSecond: number, forMs: number): Schedule {
  return bursts(ratePerSecond, 1, forMs);
}

/** `size` at an instant, and the instants evenly spaced. */
export function bursts(ratePerSecond: number, size: number, forMs: number): Schedule {
  const everyMs = (1000 * size) / ratePerSecond;
  return {
    dueAt(n) {
      const at = Math.floor(n / size) * everyMs;
      return at < forMs ? at : Number.POSITIVE_INFINITY;
    },
  };
}
