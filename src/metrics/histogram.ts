/**
 * Upper bounds of the latency buckets, in seconds. 0.05 and 0.1 are the runbook's warning and critical lines
 * and must be bounds themselves, or no alert on them could be exact.
 */
export const LATENCY_BOUNDS_SECONDS = [
  0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
  0.25, 0.5, 1, 2.5,
] as const;

/** A histogram as bare numbers: observed on the hot path, read when the metrics are scraped. */
export class Histogram {
  readonly bounds: readonly number[];
  /** One count a bound, and a last one for what is above all of them. Not cumulative. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[] = LATENCY_BOUNDS_SECONDS) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @param weight how many observations this one stands for, where only a sample is timed */
  observe(value: number, weight = 1): void {
    const bounds = this.bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    this.counts[i]! += weight;
    this.sum += value * weight;
  }
}
