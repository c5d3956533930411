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
  /** Where only a sample is timed: what happened since the last sample. Counted with the next one, or when it is read. */
  untimed = 0;
  #lastSample = 0;

  constructor(bounds: readonly number[] = LATENCY_BOUNDS_SECONDS) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @param weight how many observations of this value there were */
  observe(value: number, weight = 1): void {
    const bounds = this.bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    this.counts[i]! += weight;
    this.sum += value * weight;
  }

  /** Observes a sample, which stands for what was not timed before it. */
  observeSample(value: number): void {
    this.observe(value, this.untimed + 1);
    this.untimed = 0;
    this.#lastSample = value;
  }

  /** Counts what was not timed since the last sample as that sample was, so that the counts are complete. */
  settle(): void {
    if (this.untimed === 0) return;
    this.observe(this.#lastSample, this.untimed);
    this.untimed = 0;
  }
}
