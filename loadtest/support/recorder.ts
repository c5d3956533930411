import { build, type Histogram } from 'hdr-histogram-js';
import type { Latency, Second } from '../result.ts';

/** The figures of a second that the generator measures; the others come from the server. */
export type SecondSent = Pick<
  Second,
  'second' | 'completed' | 'p50Us' | 'p99Us' | 'maxUs' | 'hits' | 'misses'
>;

// Ten minutes, longer than any timeout.
const MOST_US = 600_000_000;

const NO_READS = { hits: 0, misses: 0 };

/** A histogram in microseconds with three digits. */
export function histogram(): Histogram {
  return build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3, highestTrackableValue: MOST_US });
}

/** Records the latencies of a run: all together, and by the second of the answer. */
export class Recorder {
  readonly seconds: SecondSent[] = [];
  /** Called at the end of each second. */
  onSecond: (second: SecondSent) => void = () => {};
  readonly #all = histogram();
  readonly #current = histogram();
  #hits = 0;
  #misses = 0;
  readonly #startedAt: number;
  readonly #lastSecond: number;

  /**
   * @param startedAt start of the measured part, as `performance.now()`
   * @param measuredMs its duration; later answers count in its last second
   */
  constructor(startedAt: number, measuredMs: number) {
    this.#startedAt = startedAt;
    this.#lastSecond = Math.max(0, Math.ceil(measuredMs / 1000) - 1);
  }

  get count(): number {
    return this.#all.totalCount;
  }

  /**
   * @param now the time of the answer, as `performance.now()`
   * @param reads the reads of the answer
   */
  record(latencyMs: number, now: number, { hits, misses } = NO_READS): void {
    this.advance(now);
    const us = Math.min(MOST_US, Math.max(1, Math.round(latencyMs * 1000)));
    this.#all.recordValue(us);
    this.#current.recordValue(us);
    this.#hits += hits;
    this.#misses += misses;
  }

  /** Ends all past seconds, also those without an answer. */
  advance(now: number): void {
    const second = Math.min(this.#lastSecond, Math.floor((now - this.#startedAt) / 1000));
    while (this.seconds.length < second) this.#endSecond();
  }

  /** Ends all seconds, including the last. */
  finish(): void {
    while (this.seconds.length <= this.#lastSecond) this.#endSecond();
  }

  latency(): Latency {
    return latencyOf(this.#all);
  }

  #endSecond(): void {
    const current = this.#current;
    const second = {
      second: this.seconds.length,
      completed: current.totalCount,
      p50Us: Math.min(current.maxValue, current.getValueAtPercentile(50)),
      p99Us: Math.min(current.maxValue, current.getValueAtPercentile(99)),
      maxUs: current.maxValue,
      hits: this.#hits,
      misses: this.#misses,
    };
    current.reset();
    this.#hits = 0;
    this.#misses = 0;
    this.seconds.push(second);
    this.onSecond(second);
  }
}

function latencyOf(all: Histogram): Latency {
  // The library returns the upper end of a bucket, which may be above the largest value.
  const at = (percentile: number) => Math.min(all.maxValue, all.getValueAtPercentile(percentile));
  return {
    meanUs: all.totalCount === 0 ? 0 : all.mean,
    p50Us: at(50),
    p90Us: at(90),
    p95Us: at(95),
    p99Us: at(99),
    p999Us: at(99.9),
    maxUs: all.maxValue,
    distribution: distribution(all),
  };
}

// The class that `build` returns has this iterator; its interface does not.
type Iterated = { valueIteratedTo: number; totalCountToThisValue: number };
type Iterable = {
  recordedValuesIterator: { reset(): void; hasNext(): boolean; next(): Iterated };
};

function distribution(all: Histogram): [valueUs: number, cumulativeCount: number][] {
  const iterator = (all as unknown as Iterable).recordedValuesIterator;
  iterator.reset();
  const points: [number, number][] = [];
  while (iterator.hasNext()) {
    const { valueIteratedTo, totalCountToThisValue } = iterator.next();
    points.push([Math.min(all.maxValue, valueIteratedTo), totalCountToThisValue]);
  }
  return points;
}
