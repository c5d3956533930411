import type { Entry } from '../../src/cache/entry.ts';
import type { Store, Write } from '../../src/cache/store.ts';
import { TwoLevel } from '../../src/cache/two-level.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { emptyMemory, entryOf, filledMemory, TTLS } from '../support/cache.ts';
import { keyStream } from '../support/key-stream.ts';
import { entries } from '../support/quotes.ts';
import { awaited, group, peer, sync } from '../support/suite.ts';

const SIZE = 100_000;
const CONCURRENT = 64;

/** An L2 that answers at once, so that the algorithm's own cost is left. */
function instantStore(held: ReadonlyMap<string, Entry>): Store {
  const no = () => Promise.reject(new Error('not in this benchmark'));
  return {
    read: async (key) => held.get(key),
    version: async (key) => held.get(key)?.version,
    write: async ({ version }: Write) => ({ status: 'replaced', version }),
    remove: async () => ({ status: 'deleted' }),
    removeMatching: no,
    list: no,
  };
}

export default [
  group('two levels, 100k entries', () => {
    const clock = { now: Date.now() };
    const counters = new Counters();
    const { keys, values } = entries(SIZE);
    const memory = filledMemory(keys, values, clock, counters);
    const held = new Map(keys.map((key) => [key, memory.cached(key)!]));
    const parts = { clock, versions: new VersionClock('be4c4000'), counters, ttls: TTLS };
    const store = instantStore(held);
    const cache = new TwoLevel({ memory, store, ...parts });
    const coldKeys = keys.slice(0, SIZE / 2);
    const coldHeld = new Map(coldKeys.map((key, i) => [key, entryOf(key, values[i]!, clock.now)]));
    const cold = new TwoLevel({
      memory: emptyMemory(1000, clock, new Counters()),
      store: instantStore(coldHeld),
      ...parts,
    });
    const standalone = new TwoLevel({
      memory: filledMemory(keys, values, clock, counters),
      store: undefined,
      ...parts,
    });
    const key = keyStream(keys);
    const value = { encoding: 'json', body: values[0]! } as const;
    return {
      reference: 'Map',
      benchmarks: [
        peer(sync('Map', (i) => held.get(key(i))!.bytes)),
        sync('peek, hit', (i) => cache.peek(key(i))!.bytes),
        awaited('get, hit', async (i) => (await cache.get(key(i))).entry!.bytes),
        // In turn through more keys than L1 has room for: none is in L1.
        awaited('load, L2 answers at once', async (i) => {
          return (await cold.load(coldKeys[i % coldKeys.length]!)).entry!.bytes;
        }),
        awaited(
          `load, ${CONCURRENT} at a time, a key`,
          async (i) => {
            const loads: Promise<unknown>[] = [];
            for (let k = 0; k < CONCURRENT; k++)
              loads.push(cold.load(coldKeys[(i * CONCURRENT + k) % coldKeys.length]!));
            return (await Promise.all(loads)).length;
          },
          CONCURRENT,
        ),
        awaited('set, L2 answers at once', async (i) => (await cache.set(key(i), value)).status.length),
        awaited('set, standalone', async (i) => (await standalone.set(key(i), value)).status.length),
        sync('invalidation of what L1 does not hold', (i) => {
          cold.keyChanged(key(i), undefined);
          return 1;
        }),
      ],
    };
  }),
];
