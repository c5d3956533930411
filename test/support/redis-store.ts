/** L2 on a real Redis, for tests. */
import type { Value } from '../../src/cache/entry.ts';
import type { Write } from '../../src/cache/store.ts';
import type { Version } from '../../src/cache/version.ts';
import { TYPES } from '../../src/key.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { RedisStore, type RedisStoreDeps, type RedisStoreOptions } from '../../src/redis/redis-store.ts';
import { json, TYPE_TTL_MS } from './replica.ts';
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

/** A write of JSON that lives for a minute. */
export function writeOf(
  key: string,
  body: string | Value,
  version: Version,
  more: Partial<Write> = {},
): Write {
  const value = typeof body === 'string' ? json(body) : body;
  const storedAt = Date.now();
  return { key, value, version, storedAt, expiresAt: storedAt + 60_000, ...more };
}
