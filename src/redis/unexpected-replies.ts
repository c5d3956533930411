/** Handles replies that Redis would never send. They mean a broken connection, and must not end the process. */
import handlers from 'ioredis/built/DataHandler.js';
import { StoreError } from '../cache/store.ts';
import { replied } from './reply-progress.ts';

interface DataHandler {
  readonly redis: object;
  dispatch(settle: () => void): void;
  returnFatalError(error: Error): void;
}

const handler = handlers.default.prototype as unknown as DataHandler;

// ioredis parses some replies but cannot use them, for example a number in reply to SUBSCRIBE. It then throws from the
// event loop, where no caller can catch the error. This override treats them as replies that ioredis cannot parse: it
// reports an error and reconnects.
handler.dispatch = function (settle) {
  replied(this.redis);
  try {
    settle();
  } catch (error) {
    this.returnFatalError(error as Error);
  }
};

/** Returns the replies if their number is `count` and each passes `fits`. @throws StoreError `timeout` otherwise */
export function checkReplies<T>(replies: T[], count: number, fits: (reply: T) => boolean): T[] {
  if (Array.isArray(replies) && replies.length === count && replies.every(fits)) return replies;
  throw new StoreError('timeout', 'the reply of Redis does not match the command', { kind: 'garbage' });
}

/**
 * Returns the replies of a pipeline or transaction of `count` commands.
 * @throws the first error reply, or StoreError `timeout` where the number of replies is wrong
 */
export function pipelineReplies<T extends readonly unknown[]>(
  results: readonly [error: Error | null, reply: unknown][] | null,
  count: number,
): T {
  const each = checkReplies([...(results ?? [])], count, Array.isArray);
  for (const [error] of each) if (error !== null) throw error;
  return each.map(([, reply]) => reply) as unknown as T;
}

export function isBytes(reply: unknown): boolean {
  return reply instanceof Buffer;
}
