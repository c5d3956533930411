/** Defects of pending writes, which are stored, marked in answers, and replayed. */
import { PendingWrites } from '../../src/cache/pending-writes/pending-writes.ts';
import { Postponer } from '../../src/cache/pending-writes/postpone.ts';
import { StoreError } from '../../src/cache/store.ts';
import { TwoLevel } from '../../src/cache/two-level.ts';
import { Writes } from '../../src/cache/writes.ts';
import { RedisStore } from '../../src/redis/redis-store.ts';
import { all, type Mutant, method } from './mutant.ts';

export const PENDING_WRITES = {
  'a pending write does not yield to a newer version that the link reports': method(
    Postponer.prototype,
    'keyChanged',
    () => () => undefined,
  ),

  'a timed-out write becomes pending although Redis has a newer value': method(
    Postponer.prototype,
    'keep',
    (original) =>
      function (this: Postponer, pending, error, condition) {
        return original.call(this, pending, error, condition, '');
      },
  ),

  'a pending write replaces a newer pending write': method(
    PendingWrites.prototype,
    'supersedes',
    () => () => false,
  ),

  'pending writes are not replayed': method(Postponer.prototype, 'replay', () => () => Promise.resolve()),

  'pending writes are dropped instead of being replayed': method(
    Postponer.prototype,
    'replay',
    () =>
      async function (this: Postponer) {
        for (const pending of [...this.pendingWrites.pending()]) this.pendingWrites.done(pending);
      },
  ),

  'a replay overwrites what is newer': method(
    RedisStore.prototype,
    'write',
    (original) =>
      function (this: RedisStore, write) {
        return original.call(this, write.late ? { ...write, condition: undefined } : write);
      },
  ),

  'reads ignore the pending writes': method(Postponer.prototype, 'answerFor', () => () => undefined),

  'pending keys are missing in snapshots by type': method(TwoLevel.prototype, 'pendingKeys', () => () => []),

  'a write that Redis refuses for a while has failed': method(
    Postponer.prototype,
    'keep',
    (original) =>
      function (this: Postponer, pending, error, condition, made) {
        const refused = error instanceof StoreError && error.reason === 'rejected';
        return refused ? undefined : original.call(this, pending, error, condition, made);
      },
  ),

  'one refused change ends a replay': all(
    method(Writes.prototype, 'replay', (original) => refusalAsTimeout(original)),
    method(RedisStore.prototype, 'removeMatching', (original) => refusalAsTimeout(original)),
  ),
} as const satisfies Record<string, Mutant>;

/** Turns a refusal of Redis into a time-out. */
function refusalAsTimeout<This, Args extends unknown[], T>(
  original: (this: This, ...args: Args) => Promise<T>,
): (this: This, ...args: Args) => Promise<T> {
  return async function (this: This, ...args: Args) {
    try {
      return await original.apply(this, args);
    } catch (error) {
      throw new StoreError('timeout', (error as Error).message);
    }
  };
}
