import { READS_PER_SAMPLE } from '../cache/read-sampler.ts';
import { TYPES, type TypeName, typeOf } from '../key.ts';
import { SpaceSaving } from './space-saving.ts';

/** A key with its estimated rate. */
export interface HotKey {
  readonly key: string;
  readonly type: TypeName;
  readonly per_second: number;
}

type Rate = readonly [key: string, perSecond: number];

/** What one process counted. A key may be listed several times; its rate is the sum. */
export interface HotKeyRates {
  readonly seconds: number;
  readonly reads: readonly Rate[];
  readonly misses: readonly Rate[];
}

/** The body of `/v1/hot-keys`. */
export interface HotKeysBody {
  /** The time that the rates cover, in seconds: one to two minutes, or the time since the start. */
  readonly seconds: number;
  /** The keys with the most reads, by a sample of one read in 64. */
  readonly reads: readonly HotKey[];
  /** The keys with the most misses in both tiers. */
  readonly misses: readonly HotKey[];
}

const TRACKED_KEYS = 500;
const TOP_KEYS = 20;
const WINDOW_MS = 60_000;

/**
 * The keys with the most reads and the most misses, in bounded memory. It counts in windows of a minute, and reports
 * the present window with the previous window. So keys that are no longer used disappear.
 */
export class HotKeys {
  readonly #now: () => number;
  #before: Window | undefined;
  #present: Window;

  /** @param now returns milliseconds of a monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#present = newWindow(now());
  }

  /** A read was drawn: it stands for 64 reads. */
  sampledRead(key: string): void {
    this.#window().reads.add(key);
  }

  /** A read found the key in neither tier. */
  missed(key: string): void {
    this.#window().misses.add(key);
  }

  /** The rates of every counted key. */
  rates(): HotKeyRates {
    const present = this.#window();
    const windows = this.#before === undefined ? [present] : [this.#before, present];
    // A rate of the first moments would be far too high or too low.
    const seconds = Math.max(1, (this.#now() - windows[0]!.since) / 1000);
    const rates = (of: 'reads' | 'misses', weight: number) =>
      windows
        .flatMap((window) => window[of].top(TRACKED_KEYS))
        .map(({ key, count }): Rate => [key, (count * weight) / seconds]);
    return { seconds, reads: rates('reads', READS_PER_SAMPLE), misses: rates('misses', 1) };
  }

  /** The present window. Begins a new one when it is a minute old. */
  #window(): Window {
    const now = this.#now();
    const age = now - this.#present.since;
    if (age < WINDOW_MS) return this.#present;
    this.#before = age < 2 * WINDOW_MS ? this.#present : undefined;
    this.#present = newWindow(now);
    return this.#present;
  }
}

interface Window {
  readonly since: number;
  readonly reads: SpaceSaving;
  readonly misses: SpaceSaving;
}

function newWindow(since: number): Window {
  return { since, reads: new SpaceSaving(TRACKED_KEYS), misses: new SpaceSaving(TRACKED_KEYS) };
}

/**
 * The keys with the highest rates of all processes of a service.
 * @param allowed whether a key may be named
 */
export function hottest(
  processes: readonly HotKeyRates[],
  allowed: (key: string) => boolean = () => true,
): HotKeysBody {
  const top = (of: 'reads' | 'misses') =>
    summed(processes.flatMap((each) => each[of]))
      .filter(([key]) => allowed(key))
      .slice(0, TOP_KEYS)
      .map(([key, rate]) => ({ key, type: TYPES[typeOf(key)]!, per_second: rounded(rate) }));
  const seconds = Math.max(1, ...processes.map((each) => each.seconds));
  return { seconds: rounded(seconds), reads: top('reads'), misses: top('misses') };
}

/** Returns each key once, with the sum of its rates, the highest first. */
function summed(rates: readonly Rate[]): Rate[] {
  const sums = new Map<string, number>();
  for (const [key, rate] of rates) sums.set(key, (sums.get(key) ?? 0) + rate);
  return [...sums].sort(([, a], [, b]) => b - a);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
