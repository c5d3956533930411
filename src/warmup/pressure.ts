import type { Outcome } from './sink.ts';

/** How many records a load may leave unconfirmed before it stops. */
const MOST_UNCONFIRMED = 1000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;

/**
 * Keeps a load from filling the pending writes of the service, whose bound live writers share. It counts the records
 * that are pending or that found the pending writes full.
 */
export class Pressure {
  /** Whether Redis took everything of the last batch that was answered; undefined before the first answer. */
  #takes: boolean | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #unconfirmed = 0;

  /** Looks at the outcomes of a batch. Returns why the load has to stop, if it has to. */
  note(outcomes: readonly Outcome[]): string | undefined {
    const unconfirmed = outcomes.filter(isUnconfirmed).length;
    this.#takes = unconfirmed === 0;
    if (this.#takes) {
      this.#pauseMs = FIRST_PAUSE_MS;
      return undefined;
    }
    this.#unconfirmed += unconfirmed;
    if (this.#unconfirmed < MOST_UNCONFIRMED) return undefined;
    return `Redis did not confirm ${this.#unconfirmed} records; load the file again when Redis takes writes`;
  }

  /** How many batches may be under way. Only one, while it is not known that Redis takes what is sent. */
  concurrency(wanted: number): number {
    return this.#takes === true ? wanted : 1;
  }

  /** How long to wait before the next batch, so that Redis may come back: longer each time. */
  nextPauseMs(): number {
    if (this.#takes !== false) return 0;
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pause, LONGEST_PAUSE_MS);
    return pause;
  }
}

function isUnconfirmed({ status, reason }: Outcome): boolean {
  return status === 'pending' || (status === 'error' && reason?.startsWith('pending_writes_full') === true);
}
