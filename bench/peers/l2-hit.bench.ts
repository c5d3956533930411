/** What L1 does not hold, and a real Redis does: 64 reads at a time, as a busy server has them. */
import { type RedisServer, startRedis } from '../../loadtest/target/redis-server.ts';
import { entries, SYMBOLS } from '../support/quotes.ts';
import { awaited, type Benchmark, group, peer } from '../support/suite.ts';
import {
  asyncCacheDedupe,
  bentocache,
  cacheable,
  fill,
  layeredLoader,
  ratecache,
  type Tiered,
} from './tiered.ts';

/** What LOCAL_CACHE_MAX_SIZE is by default. */
const L1_ENTRIES = 1000;
const CONCURRENT = 64;

export default [
  group('L2 hit, 64 at a time, a read', async () => {
    const { keys, values } = entries(SYMBOLS);
    const server = await startRedis();
    const options = { maxEntries: L1_ENTRIES, port: server.port };
    const ours = await ratecache(options);
    const peers = [
      await layeredLoader(options),
      await asyncCacheDedupe(options, 'redis'),
      await bentocache(options),
      await cacheable(options),
    ];
    for (const cache of [ours, ...peers]) {
      await fill(cache, keys, values);
      await proveL2(server, cache, keys);
    }
    return {
      reference: 'ratecache',
      benchmarks: [reads(ours, keys), ...peers.map((cache) => peer(reads(cache, keys)))],
      close: async () => {
        for (const cache of [ours, ...peers]) await cache.close();
        await server.stop();
      },
    };
  }),
];

/**
 * In turn through thirteen times as many keys as L1 has room for, so that L1 never holds the next: no Zipf here,
 * for with it nobody would know how many of the reads were hits of L1.
 */
function reads(cache: Tiered, keys: readonly string[]): Benchmark {
  return awaited(
    cache.name,
    async (i) => {
      const first = i * CONCURRENT;
      const pending: Promise<string | undefined>[] = [];
      for (let k = 0; k < CONCURRENT; k++) pending.push(cache.get(keys[(first + k) % keys.length]!));
      let sum = 0;
      for (const value of await Promise.all(pending)) sum += value!.length;
      return sum;
    },
    CONCURRENT,
  );
}

/** @throws if it did not ask Redis for each key, or did not find each there: then it is no L2 hit that is measured */
async function proveL2(server: RedisServer, cache: Tiered, keys: readonly string[]): Promise<void> {
  const asked = keys.slice(0, 4 * L1_ENTRIES);
  const before = await hitsOf(server);
  for (const key of asked)
    if (typeof (await cache.get(key)) !== 'string') throw new Error(`${cache.name} does not find ${key}`);
  const hits = (await hitsOf(server)) - before;
  if (hits < asked.length) throw new Error(`${cache.name} found ${hits} of ${asked.length} keys in Redis`);
}

async function hitsOf(server: RedisServer): Promise<number> {
  return Number(/keyspace_hits:(\d+)/.exec(await server.cli('INFO', 'stats'))![1]);
}
