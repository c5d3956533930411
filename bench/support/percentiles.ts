/** The samples' values at the given percentiles, by nearest rank. */
export function percentiles(samples: readonly number[], at: readonly number[]): number[] {
  const sorted = [...samples].sort((a, b) => a - b);
  return at.map(
    (percent) => sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN,
  );
}
