/**
 * Caches of two tiers behind the same few functions, each set up as its own documents advise for this: an L1 of a number
 * of entries and 60 s, a Redis behind it, values that live 300 s and are JSON text. Where a library can leave out work
 * that ratecache does not do either (copies, tags, a bus), it is left out.
 *
 * The packages come with `bench/peers/package.json`, which the rest of the project does not see. They are imported by
 * names that the type checker does not follow, so it needs none of them. An `ioredis` in a file of this folder is
 * bentocache's version 5; clients of version 6 come from `src/redis/connect.ts`.
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
import type { Item } from '../support/data.ts';
import { needPeerPackages } from '../support/need.ts';

export interface Tiered {
  readonly name: string;
  /** Looks in L1 only, without a promise, where the library can. */
  readonly peek?: (key: string) => string | undefined;
  readonly get: (key: string) => Promise<string | undefined>;
  readonly set: (key: string, value: string) => Promise<unknown>;
}

/** @param maxEntries of L1 @param port of the Redis on this machine */
export type MakeTiered = (maxEntries: number, port: number) => Promise<Tiered>;

/** ratecache without HTTP. It stores and returns the bytes of a value; the others store and return a string. */
export const ratecache: MakeTiered = async (maxEntries, port) => {
  const clock = new ServiceClock();
  clock.trustWall();
  const counters = new Counters();
  const data = await connected(port, counters);
  const memory = new Memory({ maxEntries, maxBytes: 0, ttlMs: L1_TTL_MS }, clock, counters);
  const store = new RedisStore(
    {
      ...{ keyPrefix: 'ratecache:', commandTimeoutMs: 1000, ttls: TTLS, channel: undefined },
      ...{ origin: 'be4c4000', db: 0, compressionThresholdBytes: 4096, maxValueBytes: 1 << 20 },
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
  };
};

export const layeredLoader: MakeTiered = async (maxItems, port) => {
  const { Loader, RedisCache } = await load('layered-loader');
  const options = { prefix: 'layered:', ttlInMsecs: LIFE_MS, json: false };
  const loader = new Loader({
    inMemoryCache: { cacheType: 'lru-map', maxItems, ttlInMsecs: L1_TTL_MS },
    asyncCache: new RedisCache(await connected(port), options),
    dataSources: [],
  });
  return {
    name: 'layered-loader',
    peek: (key) => loader.getInMemoryOnly(key),
    get: (key) => loader.get(key),
    set: (key, value) => loader.forceSetValue(key, value),
  };
};

export const bentocache: MakeTiered = async (maxItems, port) => {
  const { BentoCache, bentostore } = await load('bentocache');
  const { memoryDriver } = await load('bentocache/drivers/memory');
  const { redisDriver } = await load('bentocache/drivers/redis');
  const quotes = bentostore()
    .useL1Layer(memoryDriver({ maxItems, serialize: false }))
    .useL2Layer(redisDriver({ connection: { host: '127.0.0.1', port } }));
  const bento = new BentoCache({ default: 'quotes', ttl: LIFE_MS, prefix: 'bento', stores: { quotes } });
  return {
    name: 'bentocache',
    get: (key) => bento.get({ key }),
    set: (key, value) => bento.set({ key, value }),
  };
};

/** Sets all items, some hundreds at a time. */
export async function fill(cache: Tiered, items: readonly Item[]): Promise<void> {
  const batch = 500;
  for (let i = 0; i < items.length; i += batch)
    await Promise.all(items.slice(i, i + batch).map(({ key, value }) => cache.set(key, value)));
}

/** A package of this folder, installed when it is first needed. */
// biome-ignore lint/suspicious/noExplicitAny: the root project does not have its types
export function load(name: string): Promise<any> {
  needPeerPackages();
  return import(name);
}

async function connected(port: number, counters = new Counters()) {
  const address = { host: '127.0.0.1', port, username: undefined, password: undefined, db: 0 };
  const redis = connect({ ...address, connectTimeoutMs: 2000 }, 'bench', counters);
  await once(redis, 'ready');
  return redis;
}
