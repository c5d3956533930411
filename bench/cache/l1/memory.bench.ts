import { group, sync } from '../../suites/suite.ts';
import { entryOf, filledMemory, quotes } from '../../support/cache.ts';
import { freshKeyStream, keyStream, zipf } from '../../support/zipf.ts';

const SIZES = [
  [1000, '1k'],
  [100_000, '100k'],
  [1_000_000, '1M'],
] as const;
/** Writes drawn beforehand; a power of two. */
const ORDER = 1 << 17;

export default [
  ...SIZES.map(([size, label]) =>
    group(`L1 of ${label} entries`, () => {
      // Every other key is in the cache, and the keys between miss: all are of the same shape.
      const items = quotes(2 * size);
      const cached = items.filter((_, i) => i % 2 === 0);
      const memory = filledMemory(cached, { now: Date.now() });
      const map = new Map(cached.map(({ key }) => [key, memory.cached(key)!]));
      const keys = cached.map(({ key }) => key);
      const present = keyStream(keys);
      const fresh = freshKeyStream(keys);
      const absent = keyStream(items.filter((_, i) => i % 2 === 1).map(({ key }) => key));
      return {
        reference: 'Map',
        benchmarks: [
          sync('Map', (i) => map.get(present(i))!.bytes),
          sync('hit', (i) => memory.fresh(present(i))!.bytes),
          sync('miss', (i) => (memory.fresh(absent(i)) === undefined ? 1 : 0)),
          sync('Map, key read from a buffer', (i) => map.get(fresh(i))!.bytes),
          sync('hit, key read from a buffer', (i) => memory.fresh(fresh(i))!.bytes),
        ],
      };
    }),
  ),
  group('L1 of 100k entries, writes', () => {
    const clock = { now: Date.now() };
    const items = quotes(200_000);
    const cached = items.slice(0, 100_000);
    const [replaced, evicting] = [filledMemory(cached, clock), filledMemory(cached, clock)];
    // An entry is in one cache only.
    const [replacing, entering] = [0, 1].map(() => items.map((item) => entryOf(item, clock.now)));
    const order = zipf(cached.length, ORDER);
    return {
      reference: 'replace',
      benchmarks: [
        sync('replace', (i) => {
          replaced.set(replacing![order[i & (ORDER - 1)]!]!);
          return replaced.size;
        }),
        // In turn through twice as many keys as there is room for: each has been evicted when its turn comes again.
        sync('insert, and evict the oldest', (i) => {
          evicting.set(entering![i % items.length]!);
          return evicting.size;
        }),
      ],
    };
  }),
];
