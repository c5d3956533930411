import { build, type Histogram } from 'hdr-histogram-js';
import type { Latency, Second } from '../result.ts';

/** Of a second, what the generator knows; the rest is the server's. */
export type SecondSent = Pick<Second, 'second' | 'completed' | 'p50Us' | 'p99Us' | 'maxUs'>;

// Ten minutes: what takes longer has timed out long since.
const MOST_US = 600_000_000;

/** A histogram in microseconds, to three digits. */
export function histogram(): Histogram {
  return build({ bitBucketSize: 32, numberOfSignificantValueDigits: 3, highestTrackableValue: MOST_US });
}

/** Latencies of a run: all together, and by the second in which their answer came. */
export class Recorder {
  readonly seconds: SecondSent[] = [];
  /** GeneratorMessage of each second when it is over. */
  onSecond: (second: SecondSent) => void = () => {};
  readonly #all = histogram();
  readonly #current = histogram();
  readonly #startedAt: number;
  readonly #lastSecond: number;

  /**
   * @param startedAt when the measured part begins, as `performance.now()`
   * @param measuredMs how long it is; answers that come later count in its last second
   */
  constructor(startedAt: number, measuredMs: number) {
    this.#startedAt = startedAt;
    this.#lastSecond = Math.max(0, Math.ceil(measuredMs / 1000) - 1);
  }

  get count(): number {
    return this.#all.totalCount;
  }

  /** @param now when the answer came, as `performance.now()` */
  record(latencyMs: number, now: number): void {
    this.advance(now);
    const us = Math.min(MOST_US, Math.max(1, Math.round(latencyMs * 1000)));
    this.#all.recordValue(us);
    this.#current.recordValue(us);
  }

  /** Ends the seconds that are over, those without an answer too. */
  advance(now: number): void {
    const second = Math.min(this.#lastSecond, Math.floor((now - this.#startedAt) / 1000));
    while (this.seconds.length < second) this.#endSecond();
  }

  /** Ends the last second too. */
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
    };
    current.reset();
    this.seconds.push(second);
    this.onSecond(second);
  }
}

function latencyOf(all: Histogram): Latency {
  // The library gives the upper end of a bucket, which may lie above the largest value.
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

// The iterator is part of the class that is always built here, and missing in the interface.
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
