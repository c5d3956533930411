import type { Stage } from '../result.ts';

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

/** Requests at a rate that changes over time, one stage after another. */
export function staged(stages: readonly Stage[]): Schedule {
  let requests = 0;
  let startMs = 0;
  const parts = stages.map((stage) => {
    const part = { ...stage, first: requests, startMs };
    requests += ((stage.from + stage.to) / 2) * stage.seconds;
    startMs += stage.seconds * 1000;
    return { ...part, end: requests };
  });
  return {
    dueAt(n) {
      const part = parts.find(({ end }) => n < end);
      if (part === undefined) return Number.POSITIVE_INFINITY;
      // The number of requests after t seconds of a stage is from * t + slope * t * t / 2. This form of the solution
      // also holds for a slope of 0.
      const { seconds, from, to, first } = part;
      const slope = (to - from) / seconds;
      const into = Math.max(0, n - first);
      const root = Math.sqrt(Math.max(0, from * from + 2 * slope * into));
      return part.startMs + (into === 0 ? 0 : ((2 * into) / (from + root)) * 1000);
    },
  };
}
