/**
 * Returns an estimate of the time below which a share of the durations lie, in seconds: linear within its bucket.
 * Infinity if it lies above all bounds, undefined without durations.
 */
export function percentile(
  bounds: readonly number[],
  counts: ArrayLike<number>,
  share: number,
): number | undefined {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
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
