/** Commands for a master of a Cluster, where a command may touch keys of one slot only. */
import type { Redis } from 'ioredis';
import type { StoreError } from '../../cache/store.ts';
import { refusal } from '../refusal.ts';
import { checkReplies, isBytes } from '../unexpected-replies.ts';

/**
 * Reads each key with its own GET, all in one write. `MGET` would need one command for each slot, and a batch rarely
 * has two keys of one slot.
 * @param asking whether the keys belong to slots that are moving to this server
 * @returns a value, null or an error for each key
 */
export async function getEach(
  redis: Redis,
  keys: readonly string[],
  asking = false,
): Promise<(Buffer | null | StoreError)[]> {
  const pipeline = redis.pipeline();
  for (const key of keys) {
    if (asking) pipeline.call('ASKING');
    pipeline.getBuffer(key);
  }
  const results = (await pipeline.exec()) ?? [];
  const each = asking ? results.filter((_, i) => i % 2 === 1) : results;
  return checkReplies<(typeof each)[number]>(each, keys.length, Array.isArray).map(([error, reply]) => {
    if (error === null) {
      checkReplies([reply], 1, (value) => value === null || isBytes(value));
      return reply as Buffer | null;
    }
    // Without a reply the connection was lost, so no key has an answer.
    if (error.name !== 'ReplyError') throw error;
    return refusal(error.message, error);
  });
}

/** Runs a script for keys of a slot that is moving to this server. `ASKING` applies to the next command only. */
export function evalAsking(
  redis: Redis,
  script: string,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<[Buffer, Buffer][]> {
  redis.call('ASKING').catch(() => {});
  return redis.callBuffer('EVAL', script, keys.length, ...keys, ...args) as Promise<[Buffer, Buffer][]>;
}
