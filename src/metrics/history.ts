/** What a service did in the last 15 minutes, as samples of five seconds in bounded memory. */
import { TYPES, type TypeName } from '../key.ts';
import { LATENCY_BOUNDS_SECONDS } from './histogram.ts';
import type { Counts, Interval } from './interval.ts';
import { percentile } from './percentile.ts';
import type { Percentiles, Sample, TypeReads } from './sample.ts';

export const INTERVAL_MS = 5000;
/** Samples of 15 minutes. */
const MOST_SAMPLES = 180;

/** A ring of samples. */
export class History {
  readonly #samples: Sample[] = [];
  #next = 1;

  /** Adds the sample of an interval. */
  add(interval: Interval): void {
    this.#samples.push(sampleOf(this.#next++, interval));
    if (this.#samples.length > MOST_SAMPLES) this.#samples.shift();
  }

  /** The samples with a greater number, oldest first. */
  after(number: number): readonly Sample[] {
    const first = this.#next - this.#samples.length;
    return this.#samples.slice(Math.max(0, number + 1 - first));
  }
}

function sampleOf(number: number, { at, seconds, counts, state }: Interval): Sample {
  const latency = (timed: keyof Sample['latency']) => percentilesOf(counts.buckets[timed]);
  return {
    number,
    at,
    seconds,
    reads: readsOf(counts),
    requests: counts.requests,
    latency: {
      get: latency('get'),
      set: latency('set'),
      delete: latency('delete'),
      redis: latency('redis'),
      lag: latency('lag'),
    },
    ...state,
    loop_delay_ms: rounded(state.loop_delay_ms),
  };
}

function readsOf({ l1, redis, misses }: Counts): Sample['reads'] {
  const reads = TYPES.map((type, i): [TypeName, TypeReads] => [
    type,
    { l1: l1[i]!, redis: redis[i]!, misses: misses[i]! },
  ]);
  return Object.fromEntries(reads.filter(([, each]) => each.l1 + each.redis + each.misses > 0));
}

function percentilesOf(counts: Float64Array): Percentiles {
  const of = (share: number) => {
    const seconds = percentile(LATENCY_BOUNDS_SECONDS, counts, share);
    return seconds === undefined ? null : rounded(Math.min(seconds, LATENCY_BOUNDS_SECONDS.at(-1)!) * 1000);
  };
  return { p50: of(0.5), p95: of(0.95), p99: of(0.99) };
}

/** Milliseconds to the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
