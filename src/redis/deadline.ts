import { StoreError } from '../cache/store.ts';

/**
 * Settles as `work` does, or rejects with a timeout after `ms` milliseconds, and not before: Redis may make a change
 * until then. Timers count from the beginning of the turn, and may be early.
 *
 * When the event loop was held up, the timer is due before the sockets have been read, and the answer may lie
 * there already: so the timer gives the sockets one more turn before it judges.
 */
export function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const due = performance.now() + ms;
    const onTimer = () => {
      const left = due - performance.now();
      if (left > 0) timer = setTimeout(onTimer, left);
      else setImmediate(() => reject(new StoreError('timeout', `Redis did not answer within ${ms} ms`)));
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
