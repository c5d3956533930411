import type { Clock } from './clock.ts';
import { REMEMBERED_MS, reused, type WriteIdentity } from './idempotency.ts';

/** The limit of remembered writes. Beyond it, the oldest one is forgotten. */
const MAX_WRITES = 10_000;

interface Remembered<Outcome> {
  readonly contents: Buffer;
  readonly outcome: Outcome;
  readonly until: number;
}

/**
 * The outcomes of writes with an idempotency key that Redis has not recorded: pending writes, and all writes of a
 * standalone service.
 */
export class RememberedWrites<Outcome> {
  readonly #clock: Clock;
  /** By id, the oldest first. */
  readonly #writes = new Map<string, Remembered<Outcome>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add({ id, contents }: WriteIdentity, outcome: Outcome): void {
    const { now } = this.#clock;
    for (const [oldest, { until }] of this.#writes) {
      if (until > now && this.#writes.size < MAX_WRITES) break;
      this.#writes.delete(oldest);
    }
    this.#writes.delete(id);
    this.#writes.set(id, { contents, outcome, until: now + REMEMBERED_MS });
  }

  /**
   * Returns the outcome of an earlier write with this identity, if any.
   * @throws ServiceError `idempotency_key_reused` where the earlier write had other contents
   */
  find({ id, contents }: WriteIdentity): Outcome | undefined {
    const found = this.#writes.get(id);
    if (found === undefined || found.until <= this.#clock.now) return undefined;
    if (!found.contents.equals(contents)) throw reused();
    return found.outcome;
  }
}
