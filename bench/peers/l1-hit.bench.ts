/** A hit in L1 next to what others take for it: bare maps, then caches that have a Redis behind them too. */
import { startRedis } from '../../loadtest/target/redis-server.ts';
import { Lru } from '../../src/cache/lru.ts';
import { awaited, group, sync } from '../suites/suite.ts';
import { L1_TTL_MS, quotes } from '../support/cache.ts';
import { need } from '../support/need.ts';
import { keyStream } from '../support/zipf.ts';
import { bentocache, fill, layeredLoader, load, ratecache } from './tiered.ts';

const SIZE = 10_000;

export default [
  group('L1 hit, 10k entries', async () => {
    need('redis-server', 'redis-cli');
    const redis = await startRedis();
    const items = quotes(SIZE);
    const key = keyStream(items.map((item) => item.key));
    const ours = await ratecache(SIZE, redis.port);
    const layered = await layeredLoader(SIZE, redis.port);
    const caches = [ours, layered, await bentocache(SIZE, redis.port)];
    for (const cache of caches) {
      await fill(cache, items);
      // Reads fill L1.
      for (const item of items) await cache.get(item.key);
    }
    const map = new Map(items.map((item) => [item.key, item.value]));
    const mnemonist = new Lru<string>(SIZE);
    const { LRUCache } = await load('lru-cache');
    const lru = new LRUCache({ max: SIZE, ttl: L1_TTL_MS });
    for (const item of items) {
      mnemonist.set(item.key, item.value);
      lru.set(item.key, item.value);
    }
    return {
      reference: 'ratecache, peek',
      benchmarks: [
        sync('ratecache, peek', (i) => ours.peek!(key(i))!.length),
        sync('Map', (i) => map.get(key(i))!.length),
        sync('mnemonist LRUMapWithDelete', (i) => mnemonist.get(key(i))!.length),
        sync('lru-cache with TTL', (i) => lru.get(key(i)).length),
        sync('layered-loader, getInMemoryOnly', (i) => layered.peek!(key(i))!.length),
        ...caches.map((cache) =>
          awaited(`${cache.name}, get`, async (i) => (await cache.get(key(i)))!.length),
        ),
      ],
      close: () => redis.stop(),
    };
  }),
];
