/** L2 on a real Redis, for tests. */
import { TYPES } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { RedisStore, type RedisStoreDeps, type RedisStoreOptions } from '../../src/redis/redis-store.ts';
import { TYPE_TTL_MS } from './replica.ts';
import { syncedClock } from './synced-clock.ts';

/** A store on these connections; it announces nothing unless it has a channel. */
export function openStore(
  deps: Pick<RedisStoreDeps, 'data'> & Partial<RedisStoreDeps>,
  options: Partial<RedisStoreOptions> = {},
): RedisStore {
  return new RedisStore(
    {
      keyPrefix: 'test:',
      compressionThresholdBytes: 0,
      maxValueBytes: 1 << 20,
      // Long: a busy machine must not fail a test that is not about time.
      commandTimeoutMs: 30_000,
      ttls: TYPES.map(() => TYPE_TTL_MS),
      channel: undefined,
      origin: 'test',
      db: 0,
      ...options,
    },
    {
      admin: deps.data,
      counters: new Counters(),
      clock: syncedClock(),
      onUnreadable: () => {},
      ...deps,
    },
  );
}
