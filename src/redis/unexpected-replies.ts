/** A server that answers what no Redis would answer is a broken connection, and no reason to end the process. */
import handlers from 'ioredis/built/DataHandler.js';
import { StoreError } from '../cache/store.ts';
import { replied } from './reply-progress.ts';

interface DataHandler {
  readonly redis: object;
  dispatch(settle: () => void): void;
  returnFatalError(error: Error): void;
}

const handler = handlers.default.prototype as unknown as DataHandler;

// ioredis throws what goes wrong with a reply that it could parse and not understand, such as a number for the answer
// to SUBSCRIBE, out of the event loop, where nobody can catch it. What it cannot parse it reports, and connects anew.
handler.dispatch = function (settle) {
  replied(this.redis);
  try {
    settle();
  } catch (error) {
    this.returnFatalError(error as Error);
  }
};

/** As many replies as were asked for, each of which fits. @throws StoreError, as if there had been no answer */
export function answers<T>(replies: T[], count: number, fits: (reply: T) => boolean): T[] {
  if (Array.isArray(replies) && replies.length === count && replies.every(fits)) return replies;
  throw new StoreError('timeout', 'the reply of Redis does not match the command', { kind: 'garbage' });
}

/**
 * The replies of a pipeline or transaction of so many commands.
 * @throws what Redis refused the first of them with
 */
export function replies<T extends readonly unknown[]>(
  results: readonly [error: Error | null, reply: unknown][] | null,
  count: number,
): T {
  const each = answers([...(results ?? [])], count, Array.isArray);
  for (const [error] of each) if (error !== null) throw error;
  return each.map(([, reply]) => reply) as unknown as T;
}

export function isBytes(reply: unknown): boolean {
  return reply instanceof Buffer;
}
