import { READS_PER_SAMPLE } from '../cache/read-sampler.ts';
import { TYPES, type TypeName, typeOf } from '../key.ts';
import { SpaceSaving } from './space-saving.ts';

/** A key with its estimated rate. */
export interface HotKey {
  readonly key: string;
  readonly type: TypeName;
  readonly per_second: number;
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
 * The keys with the most reads and the most misses, in bounded memory. It counts in windows of a minute, and reports the
 * present window with the one before, so that keys that are no longer used disappear.
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

  /** @param allowed whether a key may be named */
  report(allowed: (key: string) => boolean): HotKeysBody {
    const present = this.#window();
    const windows = this.#before === undefined ? [present] : [this.#before, present];
    // A rate of the first moments would be far too high or too low.
    const seconds = Math.max(1, (this.#now() - windows[0]!.since) / 1000);
    const top = (of: 'reads' | 'misses', weight: number) =>
      merged(windows.map((window) => window[of]))
        .filter(([key]) => allowed(key))
        .slice(0, TOP_KEYS)
        .map(([key, count]) => ({
          key,
          type: TYPES[typeOf(key)]!,
          per_second: rounded((count * weight) / seconds),
        }));
    return { seconds: rounded(seconds), reads: top('reads', READS_PER_SAMPLE), misses: top('misses', 1) };
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

/** Returns the keys of all counts with their sums, the highest first. */
function merged(counts: readonly SpaceSaving[]): [key: string, count: number][] {
  const sums = new Map<string, number>();
  for (const { key, count } of counts.flatMap((each) => each.top(TRACKED_KEYS)))
    sums.set(key, (sums.get(key) ?? 0) + count);
  return [...sums].sort(([, a], [, b]) => b - a);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
