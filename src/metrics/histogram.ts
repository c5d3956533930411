/**
 * Upper bounds of the latency buckets, in seconds. 0.05 and 0.1 are the runbook's thresholds for warning and critical.
 * They must be bounds, or alerts on them could not be exact.
 */
export const LATENCY_BOUNDS_SECONDS = [
  0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
  0.25, 0.5, 1, 2.5,
] as const;

/** An observation of a traced request: it leads from a bucket to a trace. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
  readonly value: number;
  /** When it was observed, in seconds since 1970. */
  readonly at: number;
}

/** A histogram of plain numbers, updated on the hot path and read when the metrics are scraped. */
export class Histogram {
  readonly bounds = LATENCY_BOUNDS_SECONDS;
  /** One count per bound, and one for values above all bounds. Not cumulative. */
  readonly counts = new Float64Array(LATENCY_BOUNDS_SECONDS.length + 1);
  sum = 0;
  /** The latest exemplar of each bucket that has one, by the index of the bucket. Empty without traces. */
  readonly exemplars = new Map<number, Exemplar>();
  /**
   * If only samples are timed: the events since the last sample. They are counted with the next sample or by
   * `settle`.
   */
  untimed = 0;
  #lastSample = 0;

  /** @param weight the number of observations of this value */
  observe(value: number, weight = 1): void {
    this.counts[this.#bucketOf(value)]! += weight;
    this.sum += value * weight;
  }

  /**
   * Makes an observed value the exemplar of its bucket.
   * @param at in seconds since 1970
   */
  exemplify(value: number, { traceId, spanId }: Pick<Exemplar, 'traceId' | 'spanId'>, at: number): void {
    this.exemplars.set(this.#bucketOf(value), { traceId, spanId, value, at });
  }

  #bucketOf(value: number): number {
    const bounds = this.bounds;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    return i;
  }

  /** Observes a sample, which also counts for the events that were not timed since the last sample. */
  observeSample(value: number): void {
    this.observe(value, this.untimed + 1);
    this.untimed = 0;
    this.#lastSample = value;
  }

  /** Counts the events since the last sample with the value of that sample, so that the counts are complete. */
  settle(): void {
    if (this.untimed === 0) return;
    this.observe(this.#lastSample, this.untimed);
    this.untimed = 0;
  }
}
