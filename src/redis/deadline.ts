import { StoreError } from '../cache/store.ts';

/** What arrives meanwhile. */
export interface Waiting {
  /** Returns whether a large reply has been arriving since the last look, or since the beginning. */
  look(): boolean;
}

/**
 * Settles as `work` does, or rejects with a timeout after `ms` milliseconds, and not before: Redis may make a change
 * until then. Timers count from the beginning of the turn, and may be early. While a large reply arrives on the
 * connection it waits on, `ms` at a time, but no longer than `longestMs` in all.
 *
 * When the event loop was held up, the timer is due before the sockets have been read, and the answer may lie
 * there already: so the timer gives the sockets one more turn before it judges.
 */
export function withDeadline<T>(work: Promise<T>, ms: number, waiting?: Waiting, longestMs = ms): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let waitMs = ms;
    let due = performance.now() + ms;
    const onTimer = () => {
      const left = due - performance.now();
      if (left > 0) timer = setTimeout(onTimer, left);
      else setImmediate(timeUp);
    };
    const timeUp = () => {
      if (!waiting?.look() || waitMs + ms > longestMs)
        return reject(new StoreError('timeout', `Redis did not answer within ${waitMs} ms`));
      waitMs += ms;
      due = performance.now() + ms;
      timer = setTimeout(onTimer, ms);
    };
    let timer = setTimeout(onTimer, ms);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
