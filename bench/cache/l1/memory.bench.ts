import type { Entry } from '../../../src/cache/entry.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { entryOf, filledMemory, L1_TTL_MS } from '../../support/cache.ts';
import { freshKeyStream, keyStream } from '../../support/key-stream.ts';
import { entries } from '../../support/quotes.ts';
import { type Benchmark, group, peer, prepared, sync } from '../../support/suite.ts';
import { zipf } from '../../support/zipf.ts';

const SIZES = [
  [1000, '1k'],
  [100_000, '100k'],
  [1_000_000, '1M'],
] as const;

/** How many writes are drawn beforehand; a power of two. */
const ORDER = 1 << 17;

export default [
  ...SIZES.map(([size, label]) =>
    group(`L1 of ${label} entries`, () => {
      const clock = { now: Date.now() };
      const fresh = clock.now;
      // Every other key is in the cache, and those between miss: they are of the same shapes.
      const { keys, values } = entries(2 * size);
      const held = keys.filter((_, i) => i % 2 === 0);
      const memory = filledMemory(held, values, clock, new Counters());
      const map = new Map<string, Entry>(held.map((key) => [key, memory.cached(key)!]));
      const present = keyStream(held);
      const read = freshKeyStream(held);
      const absent = keyStream(keys.filter((_, i) => i % 2 === 1));
      const at = (now: number, benchmark: Benchmark) =>
        prepared(() => {
          clock.now = now;
        }, benchmark);
      return {
        reference: 'Map',
        benchmarks: [
          peer(sync('Map', (i) => map.get(present(i))!.bytes)),
          sync('hit', (i) => memory.fresh(present(i))!.bytes),
          sync('miss', (i) => (memory.fresh(absent(i)) === undefined ? 1 : 0)),
          at(
            fresh + L1_TTL_MS,
            sync('expired', (i) => (memory.fresh(present(i)) === undefined ? 1 : 0)),
          ),
          peer(sync('Map, key read from a buffer', (i) => map.get(read(i))!.bytes)),
          sync('hit, key read from a buffer', (i) => memory.fresh(read(i))!.bytes),
        ].map((benchmark) => (benchmark.before ? benchmark : at(fresh, benchmark))),
      };
    }),
  ),
  group('L1 of 100k entries, writes', () => {
    const clock = { now: Date.now() };
    const { keys, values } = entries(200_000);
    const held = keys.slice(0, 100_000);
    const replaced = filledMemory(held, values, clock, new Counters());
    const evicting = filledMemory(held, values, clock, new Counters());
    // An entry is in one cache only.
    const make = () => keys.map((key, i) => entryOf(key, values[i]!, clock.now));
    const [replacing, entering] = [make(), make()];
    const order = zipf(held.length, ORDER);
    return {
      benchmarks: [
        sync('replace', (i) => {
          const index = order[i & (ORDER - 1)]!;
          replaced.set(replacing[index]!);
          return replaced.size;
        }),
        // In turn through twice as many keys as there is room for: each has gone by the time it comes again.
        sync('insert, and evict the oldest', (i) => {
          const index = i % keys.length;
          evicting.set(entering[index]!);
          return evicting.size;
        }),
      ],
    };
  }),
];
