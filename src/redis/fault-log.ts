import type { Counters } from '../metrics/counters.ts';

export interface FaultLogDeps {
  readonly counters: Counters;
  readonly onBegin: (kind: string) => void;
  /** @param count the number of errors of this kind since `onBegin` */
  readonly onEnd: (kind: string, count: number, ms: number) => void;
  readonly now?: () => number;
}

/** An episode ends when no error of its kind has occurred for this long, while other commands succeeded. */
const QUIET_MS = 3000;

interface Episode {
  readonly since: number;
  readonly countBefore: number;
  count: number;
  lastSeen: number;
  /** The number of successful commands when the last error was seen. */
  successes: number;
}

/**
 * Turns error counts into episodes, so that the log has two lines for an outage and not one for each request. An
 * episode of a kind begins when its count rises. It ends after a quiet time in which Redis did answer.
 */
export class FaultLog {
  readonly #deps: FaultLogDeps;
  readonly #now: () => number;
  readonly #episodes = new Map<string, Episode>();
  readonly #seen = new Map<string, number>();

  constructor(deps: FaultLogDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? Date.now;
  }

  /** Compares the counters with those of the last call. Call it about once a second. */
  look(): void {
    const now = this.#now();
    const { counters } = this.#deps;
    let successes = 0;
    for (const count of counters.redisSeconds.counts) successes += count;
    for (const [kind, count] of counters.redisErrors) {
      const before = this.#seen.get(kind) ?? 0;
      if (count > before) this.#note(kind, before, count, successes, now);
      this.#seen.set(kind, count);
    }
    for (const [kind, episode] of this.#episodes) {
      if (now - episode.lastSeen < QUIET_MS || successes <= episode.successes) continue;
      this.#episodes.delete(kind);
      this.#deps.onEnd(kind, episode.count - episode.countBefore, episode.lastSeen - episode.since);
    }
  }

  #note(kind: string, before: number, count: number, successes: number, now: number): void {
    const episode = this.#episodes.get(kind);
    if (episode === undefined) {
      this.#episodes.set(kind, { since: now, countBefore: before, count, lastSeen: now, successes });
      this.#deps.onBegin(kind);
      return;
    }
    episode.count = count;
    episode.lastSeen = now;
    episode.successes = successes;
  }
}
