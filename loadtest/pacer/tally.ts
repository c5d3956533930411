import type { Requests } from '../result.ts';
import type { Answer } from './lane.ts';

/** Counts the outcomes of the requests in the measured part. */
export class Tally {
  sent = 0;
  completed = 0;
  errors = 0;
  timeouts = 0;
  hits = 0;
  misses = 0;
  readonly #byStatus = new Map<Answer['status'], number>();

  answered({ status, hits, misses }: Answer): void {
    this.completed++;
    this.hits += hits;
    this.misses += misses;
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
  }

  requests(): Requests {
    const { sent, completed, errors, timeouts, hits, misses } = this;
    return { sent, completed, errors, timeouts, byStatus: Object.fromEntries(this.#byStatus), hits, misses };
  }
}
