/** What the page knows of one process. No function here needs a browser. */
import type { HistoryAnswer, Sample } from './types.ts';

/** Fifteen minutes of five seconds. */
const MOST_SAMPLES = 180;
/** The page shows another process when it has received no new sample of the shown process for this time. */
const PATIENCE_MS = 20_000;
/** Figures that are older must not pass for the latest ones. */
const OLD_MS = 30_000;
/** The next answer probably comes from a process whose sample the page has received in this time. */
const RECENT_MS = 60_000;
/** The page forgets a process after this time without a new sample from it. */
const FORGET_MS = 900_000;

interface Seen {
  readonly answer: HistoryAnswer;
  readonly samples: readonly Sample[];
  /** When the page received the latest sample, or the first answer. */
  readonly at: number;
}

/** The samples of each process that answered. A load balancer may send the requests of one page to several. */
export class Model {
  readonly #seen = new Map<string, Seen>();
  #shown: string | undefined;

  /** Adds an answer that covers what the page does not have. */
  add(answer: HistoryAnswer, now: number): void {
    const { replica } = answer;
    const before = this.#seen.get(replica);
    const added = answer.samples.filter(({ number }) => number > lastOf(before));
    const samples = [...(before?.samples ?? []), ...added].slice(-MOST_SAMPLES);
    const at = before !== undefined && added.length === 0 ? before.at : now;
    this.#seen.set(replica, { answer, samples, at });
    for (const [name, seen] of this.#seen)
      if (name !== replica && now - seen.at > FORGET_MS) this.#seen.delete(name);
    const shown = this.#shownProcess;
    if (shown === undefined || (now - shown.at > PATIENCE_MS && at > shown.at)) this.#shown = replica;
  }

  /**
   * The number to ask after. Each process counts its samples from 1, and any of them may answer. So this is the smallest
   * of their latest numbers.
   */
  after(now: number): number {
    const recent = [...this.#seen.values()].filter(({ at }) => now - at <= RECENT_MS);
    return recent.length === 0 ? 0 : Math.min(...recent.map(lastOf));
  }

  /** Whether the answer to a request after this number has every sample that the page does not have. */
  covers({ replica }: HistoryAnswer, after: number): boolean {
    return after <= lastOf(this.#seen.get(replica));
  }

  /** Whether the page must say how old its figures are. */
  isOld(now: number): boolean {
    const shown = this.#shownProcess;
    return shown !== undefined && now - shown.at > OLD_MS;
  }

  get answer(): HistoryAnswer | undefined {
    return this.#shownProcess?.answer;
  }

  get samples(): readonly Sample[] {
    return this.#shownProcess?.samples ?? [];
  }

  get #shownProcess(): Seen | undefined {
    return this.#shown === undefined ? undefined : this.#seen.get(this.#shown);
  }
}

/** The number of the latest sample. */
function lastOf(seen: Seen | undefined): number {
  return seen?.samples.at(-1)?.number ?? 0;
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

/** The positions of the values that have no value next to them. */
export function isolated(values: ArrayLike<number | null | undefined>): number[] {
  const positions = Array.from(values, (_, i) => i);
  return positions.filter((i) => values[i] != null && values[i - 1] == null && values[i + 1] == null);
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
