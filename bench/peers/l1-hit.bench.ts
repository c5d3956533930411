/** A hit in L1 beside what others take for it: bare maps first, then caches that have a Redis behind them too. */

import { startRedis } from '../../loadtest/target/redis-server.ts';
import { Lru } from '../../src/cache/lru.ts';
import { L1_TTL_MS } from '../support/cache.ts';
import { keyStream } from '../support/key-stream.ts';
import { entries } from '../support/quotes.ts';
import { awaited, type Benchmark, group, peer, sync } from '../support/suite.ts';
import {
  asyncCacheDedupe,
  bentocache,
  cacheable,
  fill,
  layeredLoader,
  load,
  ratecache,
  type Tiered,
} from './tiered.ts';

const SIZE = 10_000;

export default [
  group('L1 hit, 10k entries', async () => {
    const { keys, values } = entries(SIZE);
    const key = keyStream(keys);
    const server = await startRedis();
    const options = { maxEntries: SIZE, port: server.port };
    const ours = await ratecache(options);
    const peers = [
      await layeredLoader(options),
      await asyncCacheDedupe(options, 'memory'),
      await bentocache(options),
      await cacheable(options),
    ];
    const map = new Map<string, string>();
    const mnemonist = new Lru<string>(SIZE);
    const { LRUCache } = await load('lru-cache');
    const lru = new LRUCache({ max: SIZE, ttl: L1_TTL_MS });
    for (let i = 0; i < SIZE; i++) {
      map.set(keys[i]!, values[i]!);
      mnemonist.set(keys[i]!, values[i]!);
      lru.set(keys[i]!, values[i]!);
    }
    for (const cache of [ours, ...peers]) await fill(cache, keys, values);
    // Nothing of the filling goes on while hits are measured: the writes are in Redis, and Redis is not asked.
    return {
      reference: 'ratecache, peek',
      benchmarks: [
        sync('ratecache, peek', (i) => ours.peek!(key(i))!.length),
        awaited('ratecache, get', async (i) => (await ours.get(key(i)))!.length),
        peer(sync('Map', (i) => map.get(key(i))!.length)),
        peer(sync('mnemonist LRUMapWithDelete', (i) => mnemonist.get(key(i))!.length)),
        peer(sync('lru-cache with TTL', (i) => lru.get(key(i)).length)),
        peer(sync('layered-loader, getInMemoryOnly', (i) => peers[0]!.peek!(key(i))!.length)),
        ...peers.map((cache) => peer(hit(cache, key))),
      ],
      close: async () => {
        for (const cache of [ours, ...peers]) await cache.close();
        await server.stop();
      },
    };
  }),
];

function hit(cache: Tiered, key: (i: number) => string): Benchmark {
  return awaited(`${cache.name}, get`, async (i) => (await cache.get(key(i)))!.length);
}
