/** A timer to compare with. */
export interface Timer {
  readonly fired: boolean;
}

/**
 * Starts a timer that shows whether something came in time. On a busy machine all timers of a process are late, but
 * they fire in the order in which they are due: a verdict by another timer does not depend on how late they are.
 */
export function startTimer(ms: number): Timer {
  const timer = { fired: false };
  setTimeout(() => {
    timer.fired = true;
  }, ms).unref();
  return timer;
}
