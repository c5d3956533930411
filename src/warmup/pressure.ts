import type { Outcome } from './sink.ts';

/** A load stops when Redis has not confirmed this number of records. */
const MOST_UNCONFIRMED = 1000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;

/**
 * Prevents a load from filling the pending writes of the service, whose limit it shares with other writers. It counts
 * records that are pending, or that the service rejected because its pending writes are full.
 */
export class Pressure {
  /** Whether Redis accepted the whole last batch; undefined before the first answer. */
  #accepting: boolean | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #unconfirmed = 0;

  /** Evaluates the outcomes of a batch. Returns the reason if the load must stop. */
  note(outcomes: readonly Outcome[]): string | undefined {
    const unconfirmed = outcomes.filter(isUnconfirmed).length;
    this.#accepting = unconfirmed === 0;
    if (this.#accepting) {
      this.#pauseMs = FIRST_PAUSE_MS;
      return undefined;
    }
    this.#unconfirmed += unconfirmed;
    if (this.#unconfirmed < MOST_UNCONFIRMED) return undefined;
    return `Redis did not confirm ${this.#unconfirmed} records; load the file again when Redis accepts writes`;
  }

  /** The number of batches that may be open: one, unless Redis is known to accept writes. */
  concurrency(wanted: number): number {
    return this.#accepting === true ? wanted : 1;
  }

  /** How long to wait before the next batch. The pause doubles while Redis does not accept writes. */
  nextPauseMs(): number {
    if (this.#accepting !== false) return 0;
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pause, LONGEST_PAUSE_MS);
    return pause;
  }
}

function isUnconfirmed({ status, reason }: Outcome): boolean {
  return status === 'pending' || (status === 'error' && reason?.startsWith('pending_writes_full') === true);
}
