import { inTurns } from '../cache/turns.ts';
import type { Load } from './load.ts';

/** A body up to this size is read in one turn of the event loop: at most three milliseconds. */
export const ONE_TURN_BYTES = 64 * 1024;

/**
 * Reads a large body in slices, so that other requests do not wait for all of it. The body counts as unfinished until then.
 * @param job receives a copy of the body
 */
export async function readInTurns<T>(
  load: Load,
  body: Buffer,
  job: (copy: Buffer) => Generator<void, T>,
): Promise<T> {
  const copy = Buffer.from(body);
  load.bodyBytes += copy.length;
  try {
    return await inTurns(job(copy));
  } finally {
    load.bodyBytes -= copy.length;
  }
}
