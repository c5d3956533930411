/**
 * Divides long work into slices. At most one slice runs in a turn of the event loop, whatever the number of jobs, and the
 * jobs take their turns in order. So a neighbour's request waits for one slice, not for one slice of each job.
 */
class Turns {
  readonly #waiting: (() => void)[] = [];
  #scheduled = false;

  /** Resolves in a later turn, when the job may run its next slice. A slice should take a few milliseconds at most. */
  next(): Promise<void> {
    return new Promise((resume) => {
      this.#waiting.push(resume);
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(this.#run);
    });
  }

  readonly #run = (): void => {
    this.#waiting.shift()!();
    if (this.#waiting.length > 0) setImmediate(this.#run);
    else this.#scheduled = false;
  };
}

export const turns = new Turns();

/** Runs a job to its end, one step a turn. The job yields at the end of each slice. */
export async function inTurns<T>(job: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = job.next();
    if (step.done) return step.value;
    await turns.next();
  }
}

/** Runs a job to its end at once. */
export function atOnce<T>(job: Generator<void, T>): T {
  for (;;) {
    const step = job.next();
    if (step.done) return step.value;
  }
}
