import { getMany } from '../../src/cache/batch.ts';
import { type ItemResult, resultsAsJson, writeResults } from '../../src/cache/results.ts';
import { TwoLevel } from '../../src/cache/two-level.ts';
import { VersionClock } from '../../src/cache/version.ts';
import { MsgpackWriter } from '../../src/codec/msgpack-write.ts';
import { Counters } from '../../src/metrics/counters.ts';
import { filledMemory, TTLS } from '../support/cache.ts';
import { keyStream } from '../support/key-stream.ts';
import { entries } from '../support/quotes.ts';
import { group, peer, sync } from '../support/suite.ts';

const MAX_KEY_BYTES = 512;
/** Batches drawn beforehand; a power of two. */
const BATCHES = 1024;

export default [1, 10, 100].map((size) =>
  group(`batch of ${size} from L1, a key`, () => {
    const clock = { now: Date.now() };
    const counters = new Counters();
    const { keys, values } = entries(100_000);
    const memory = filledMemory(keys, values, clock, counters);
    const versions = new VersionClock('be4c4000');
    const cache = new TwoLevel({ memory, store: undefined, clock, versions, counters, ttls: TTLS });
    const key = keyStream(keys);
    const batches = Array.from({ length: BATCHES }, (_, batch) =>
      Array.from({ length: size }, (_, i) => key(batch * size + i)),
    );
    const batch = (i: number) => batches[i & (BATCHES - 1)]!;
    const read = (i: number) => getMany(cache, batch(i), MAX_KEY_BYTES) as ItemResult[];
    const out = new MsgpackWriter();
    // As most caches keep values: parsed once.
    const parsedValues = new Map(
      batches.flat().map((name) => [name, JSON.parse(`${memory.cached(name)!.json}`)]),
    );
    // The second encoding is made on first need and kept: here it is there, as it is for keys that are read often.
    for (const name of keys) memory.cached(name)!.msgpack;
    return {
      reference: 'JSON.stringify of parsed values',
      benchmarks: [
        sync('getMany', (i) => read(i).length, size),
        sync('getMany, as JSON', (i) => resultsAsJson(read(i), clock.now).length, size),
        sync(
          'getMany, as msgpack',
          (i) => {
            out.reset();
            writeResults(out, read(i), clock.now);
            return out.bytes().length;
          },
          size,
        ),
        peer(
          sync('JSON.stringify of parsed values', (i) => JSON.stringify(batch(i).map(parsed)).length, size),
        ),
      ],
    };

    function parsed(name: string) {
      const entry = memory.cached(name)!;
      return { key: name, status: 'hit', value: parsedValues.get(name), version: entry.version, ttl: 300 };
    }
  }),
);
