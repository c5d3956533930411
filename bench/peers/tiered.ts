/**
 * The caches of two tiers, each behind the same few functions, each as its own documents would have it set up for
 * this: an L1 of so many entries and 60 s, a Redis behind it, values that live 300 s and are a quote's JSON text.
 * Where a library can leave out work that ratecache does not do either (copies, tags, a bus), it is left out.
 *
 * The packages come with `bench/peers/package.json`, which the rest of the project does not see: they are
 * imported by names that the type checker does not follow, so that it needs none of them. (An `ioredis` in a file
 * of this folder is bentocache's, of version 5; clients of the service's own come from `src/redis/connect.ts`.)
 */
import { once } from 'node:events';
import { ServiceClock } from '../../src/cache/clock.ts';
import { Memory } from '../../src/cache/l1/memory.ts';
import { TwoLevel } from '../../src/cache/two-level.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { connect } from '../../src/redis/connect.ts';
import { RedisStore } from '../../src/redis/redis-store.ts';
import { L1_TTL_MS, LIFE_MS, TTLS } from '../support/cache.ts';

export interface Tiered {
  readonly name: string;
  /** What L1 holds, without a promise, where the library can say so. */
  readonly peek?: (key: string) => string | undefined;
  readonly get: (key: string) => Promise<string | undefined>;
  readonly set: (key: string, value: string) => Promise<unknown>;
  readonly close: () => unknown;
}

export interface TieredOptions {
  /** Of L1. */
  readonly maxEntries: number;
  /** Of the Redis on this machine. */
  readonly port: number;
  /** How long L1 keeps a value, and how long the value lives: by default 60 and 300 s. */
  readonly l1TtlMs?: number;
  readonly lifeMs?: number;
}

/** ratecache without HTTP. It keeps and gives the bytes of a value; the others keep and give a string. */
export async function ratecache({ maxEntries, port }: TieredOptions): Promise<Tiered> {
  const clock = new ServiceClock();
  clock.trustWall();
  const counters = new Counters();
  const data = await connected(port, counters);
  const memory = new Memory({ maxEntries, maxBytes: 0, ttlMs: L1_TTL_MS }, clock, counters);
  const store = new RedisStore(
    {
      keyPrefix: 'ratecache:',
      commandTimeoutMs: 1000,
      ttls: TTLS,
      channel: undefined,
      origin: 'be4c4000',
      db: 0,
      compressionThresholdBytes: 4096,
      maxValueBytes: 1 << 20,
    },
    { data, admin: data, counters, clock, onUnreadable: () => {} },
  );
  const versions = new VersionClock('be4c4000');
  const cache = new TwoLevel({ memory, store, clock, versions, counters, ttls: TTLS });
  return {
    name: 'ratecache',
    peek: (key) => cache.peek(key)?.json as string | undefined,
    get: async (key) => (await cache.get(key)).entry?.json as string | undefined,
    set: (key, body) => cache.set(key, { encoding: 'json', body }),
    close: () => {
      clock.stop();
      data.disconnect();
    },
  };
}

export async function layeredLoader(options: TieredOptions): Promise<Tiered> {
  const { maxEntries, port, l1TtlMs = L1_TTL_MS, lifeMs = LIFE_MS } = options;
  const { Loader, RedisCache } = await load('layered-loader');
  const redis = await connected(port);
  const loader = new Loader({
    inMemoryCache: { cacheType: 'lru-map', maxItems: maxEntries, ttlInMsecs: l1TtlMs },
    asyncCache: new RedisCache(redis, { prefix: 'layered:', ttlInMsecs: lifeMs, json: false }),
    dataSources: [],
  });
  return {
    name: 'layered-loader',
    peek: (key) => loader.getInMemoryOnly(key),
    get: (key) => loader.get(key),
    set: (key, value) => loader.forceSetValue(key, value),
    close: () => redis.disconnect(),
  };
}

/** One tier at a time: it has no second. `where` says which; as L2 it has no L1 before it to fill. */
export async function asyncCacheDedupe(
  { maxEntries, port }: TieredOptions,
  where: 'memory' | 'redis',
): Promise<Tiered> {
  const { createCache } = await load('async-cache-dedupe');
  const redis = await connected(port);
  const storage =
    where === 'memory'
      ? { type: 'memory', options: { size: maxEntries } }
      : { type: 'redis', options: { client: redis } };
  const values = new Map<string, string>();
  const cache = createCache({ ttl: (where === 'memory' ? L1_TTL_MS : LIFE_MS) / 1000, storage });
  cache.define('quote', async (key: string) => values.get(key));
  return {
    name: 'async-cache-dedupe',
    get: (key) => cache.quote(key),
    // It is filled by reading: the function that it wraps is asked once.
    set: async (key, value) => {
      values.set(key, value);
      await cache.quote(key);
      values.delete(key);
    },
    close: () => redis.disconnect(),
  };
}

export async function bentocache({ maxEntries, port, lifeMs = LIFE_MS }: TieredOptions): Promise<Tiered> {
  const { BentoCache, bentostore } = await load('bentocache');
  const { memoryDriver } = await load('bentocache/drivers/memory');
  const { redisDriver } = await load('bentocache/drivers/redis');
  const bento = new BentoCache({
    default: 'quotes',
    ttl: lifeMs,
    prefix: 'bento',
    stores: {
      quotes: bentostore()
        .useL1Layer(memoryDriver({ maxItems: maxEntries, serialize: false }))
        .useL2Layer(redisDriver({ connection: { host: '127.0.0.1', port } })),
    },
  });
  return {
    name: 'bentocache',
    get: (key) => bento.get({ key }),
    set: (key, value) => bento.set({ key, value }),
    close: () => bento.disconnectAll(),
  };
}

export async function cacheable({ maxEntries, port }: TieredOptions): Promise<Tiered> {
  const { Cacheable, Keyv, createKeyv } = await load('cacheable');
  const { default: KeyvRedis } = await load('@keyv/redis');
  const cache = new Cacheable({
    primary: createKeyv({ ttl: L1_TTL_MS, lruSize: maxEntries, useClone: false }),
    secondary: new Keyv({ store: new KeyvRedis(`redis://127.0.0.1:${port}`), ttl: LIFE_MS }),
  });
  return {
    name: 'cacheable',
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    close: () => cache.disconnect(),
  };
}

/** Gives the cache all of these, some hundreds at a time. */
export async function fill(cache: Tiered, keys: readonly string[], values: readonly string[]): Promise<void> {
  const batch = 500;
  for (let i = 0; i < keys.length; i += batch)
    await Promise.all(keys.slice(i, i + batch).map((key, k) => cache.set(key, values[i + k]!)));
}

/** A package of this folder. */
// biome-ignore lint/suspicious/noExplicitAny: the root project does not have its types
export function load(name: string): Promise<any> {
  return import(name);
}

async function connected(port: number, counters = new Counters()) {
  const address = { host: '127.0.0.1', port, username: undefined, password: undefined, db: 0 };
  const redis = connect({ ...address, connectTimeoutMs: 2000 }, 'bench', counters);
  await once(redis, 'ready');
  return redis;
}
