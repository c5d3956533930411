/** How long an HTTP connection stays open after an answer. */
import type { TemplatedApp } from 'uWebSockets.js';

/** Time-outs of uWS end up to this much early. */
const TICK_SECONDS = 4;
/** An addon without the setting closes a connection 8 to 12 seconds after an answer. */
const FIXED_SECONDS = 8;

/**
 * Sets how long connections stay open after an answer, where the addon allows it.
 * @returns the seconds for which they stay open at least
 */
export function keepOpen(app: TemplatedApp, seconds: number): number {
  // The declarations of neither package contain it.
  const { setResponseTimeout } = app as { setResponseTimeout?: (seconds: number) => void };
  if (setResponseTimeout === undefined) return FIXED_SECONDS;
  setResponseTimeout.call(app, seconds + TICK_SECONDS);
  return seconds;
}
