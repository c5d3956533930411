/** What the page knows of one process. No function here needs a browser. */
import type { HistoryAnswer, Sample } from './types.ts';

/** Fifteen minutes of five seconds. */
const MOST_SAMPLES = 180;
/** Answers of another process are shown when the one that is shown has not answered for this time. */
const PATIENCE_MS = 20_000;

interface Seen {
  answer: HistoryAnswer;
  samples: readonly Sample[];
  at: number;
}

/** The samples of each process that answered. A load balancer may send the requests of one page to several. */
export class Model {
  readonly #seen = new Map<string, Seen>();
  #shown: string | undefined;
  #latest: string | undefined;

  add(answer: HistoryAnswer, now: number): void {
    const before = this.#seen.get(answer.replica)?.samples ?? [];
    const last = before.at(-1)?.number ?? 0;
    const added = answer.samples.filter(({ number }) => number > last);
    const samples = [...before, ...added].slice(-MOST_SAMPLES);
    this.#seen.set(answer.replica, { answer, samples, at: now });
    this.#latest = answer.replica;
    const shown = this.#shown === undefined ? undefined : this.#seen.get(this.#shown);
    if (shown === undefined || now - shown.at > PATIENCE_MS) this.#shown = answer.replica;
  }

  /** Whether the process has answered before. */
  knows(replica: string): boolean {
    return this.#seen.has(replica);
  }

  /** The number to ask after: of the process that answered last, because it probably answers next. */
  get after(): number {
    const seen = this.#latest === undefined ? undefined : this.#seen.get(this.#latest);
    return seen?.samples.at(-1)?.number ?? 0;
  }

  get answer(): HistoryAnswer | undefined {
    return this.#shown === undefined ? undefined : this.#seen.get(this.#shown)?.answer;
  }

  get samples(): readonly Sample[] {
    return this.#shown === undefined ? [] : (this.#seen.get(this.#shown)?.samples ?? []);
  }
}

/** Reads of an interval, over all types or of one. */
export function readsOf({ reads }: Sample, type?: string): { l1: number; redis: number; misses: number } {
  const sum = { l1: 0, redis: 0, misses: 0 };
  for (const [name, each] of Object.entries(reads)) {
    if (type !== undefined && name !== type) continue;
    sum.l1 += each.l1;
    sum.redis += each.redis;
    sum.misses += each.misses;
  }
  return sum;
}

/** The share of `part` in `whole`; null where there is nothing to share. */
export function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** Hit rates of an interval: of both tiers together, of L1, and of Redis for what L1 did not answer. */
export function hitRates(sample: Sample, type?: string) {
  const { l1, redis, misses } = readsOf(sample, type);
  return {
    all: share(l1 + redis, l1 + redis + misses),
    l1: share(l1, l1 + redis + misses),
    redis: share(redis, redis + misses),
  };
}

/** A time during which a state did not change. */
export interface Span {
  readonly state: string;
  readonly from: number;
  readonly to: number;
}

/** Joins equal states of consecutive samples. */
export function spansOf(samples: readonly Sample[], stateOf: (sample: Sample) => string | undefined): Span[] {
  const spans: Span[] = [];
  for (const sample of samples) {
    const state = stateOf(sample);
    if (state === undefined) continue;
    const from = sample.at - sample.seconds * 1000;
    const last = spans.at(-1);
    if (last?.state === state && from - last.to < 1000) spans[spans.length - 1] = { ...last, to: sample.at };
    else spans.push({ state, from, to: sample.at });
  }
  return spans;
}
