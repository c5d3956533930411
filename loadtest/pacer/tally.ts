import type { Requests } from '../result.ts';
import type { Answer } from './lane.ts';

/** Counts what becomes of the requests of the measured part. */
export class Tally {
  sent = 0;
  completed = 0;
  errors = 0;
  timeouts = 0;
  hits = 0;
  misses = 0;
  readonly #byStatus: Record<string, number> = {};

  answered({ status, hits, misses }: Answer): void {
    this.completed++;
    this.hits += hits;
    this.misses += misses;
    this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
  }

  requests(): Requests {
    const { sent, completed, errors, timeouts, hits, misses } = this;
    return { sent, completed, errors, timeouts, byStatus: { ...this.#byStatus }, hits, misses };
  }
}
