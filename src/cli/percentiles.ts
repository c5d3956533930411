import { significant } from '../format.ts';

/**
 * Returns an estimate of the time below which a share of the durations lie, in seconds: linear within its bucket.
 * Infinity if it lies above all bounds, undefined without durations.
 */
export function percentile(
  bounds: readonly number[],
  counts: readonly number[],
  share: number,
): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let left = total * share;
  for (const [i, bound] of bounds.entries()) {
    const count = counts[i]!;
    if (count > 0 && left <= count) {
      const from = i === 0 ? 0 : bounds[i - 1]!;
      return from + (bound - from) * (left / count);
    }
    left -= count;
  }
  return Number.POSITIVE_INFINITY;
}

/** Formats a duration of a histogram: `25.3 µs`, `1.2 ms`. */
export function durationText(seconds: number | undefined, bounds: readonly number[]): string {
  if (seconds === undefined) return '–';
  if (seconds === Number.POSITIVE_INFINITY) return `> ${significant(bounds.at(-1)!)} s`;
  if (seconds < 0.001) return `${significant(seconds * 1e6)} µs`;
  return seconds < 1 ? `${significant(seconds * 1000)} ms` : `${significant(seconds)} s`;
}
