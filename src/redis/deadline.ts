import { StoreError } from '../cache/store.ts';

/** The progress of replies on the connection that a command waits for. */
export interface ReplyWatch {
  /** Returns whether a large reply has been arriving since the last call, or since the command was sent. */
  look(): boolean;
}

/**
 * Settles as `work` does, or rejects with a time-out after `ms` milliseconds.
 *
 * 1. It never rejects earlier, because Redis may make a change until then. Node's timers may be early, since they count
 *    from the start of the turn.
 * 2. While a large reply arrives on the connection, it waits `ms` more at a time, up to `longestMs` in all.
 * 3. After a blocked event loop the timer runs before the sockets are read, and the answer may be in a socket already.
 *    So the time-out waits for one more turn.
 */
export function withDeadline<T>(
  work: Promise<T>,
  ms: number,
  replies?: ReplyWatch,
  longestMs = ms,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let waitMs = ms;
    let due = performance.now() + ms;
    const onTimer = () => {
      const left = due - performance.now();
      if (left > 0) timer = setTimeout(onTimer, left);
      else setImmediate(timeUp);
    };
    const timeUp = () => {
      if (!replies?.look() || waitMs + ms > longestMs)
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
