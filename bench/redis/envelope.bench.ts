import { Packr } from 'msgpackr';
import { NO_VERSION, VersionClock } from '../../src/cache/version.ts';
import { pack, unpack } from '../../src/redis/envelope.ts';
import { LIFE_MS } from '../support/cache.ts';
import { entries, textOf } from '../support/quotes.ts';
import { group, peer, sync } from '../support/suite.ts';

const PLAIN = { compressionThresholdBytes: 0, maxValueBytes: 1 << 20 };
const COMPRESSED = { compressionThresholdBytes: 4096, maxValueBytes: 1 << 20 };
const KEY = 'borrow_rate:AAPL';
const MIXED = 4096;

const SIZES = [
  [200, '0.2 KB'],
  [1024, '1 KB'],
  [8192, '8 KB'],
  [65_536, '64 KB'],
] as const;

const version = new VersionClock('be4c4000').next();
const now = Date.now();
const packr = new Packr({ useRecords: false });

/** Values of about this size: the smallest are one quote each, and as many as a cache would see in a while. */
function valuesOf(bytes: number): string[] {
  return bytes > 200 ? [textOf(bytes)] : entries(MIXED).values;
}

export default [
  ...SIZES.map(([bytes, label]) =>
    group(`envelope, ${label}`, () => {
      const values = valuesOf(bytes).map((body) => ({ encoding: 'json', body }) as const);
      const value = (i: number) => values[i % values.length]!;
      const packed = values.map((each) => pack(each, version, now, now + LIFE_MS, PLAIN));
      const arrays = values.map(({ body }) => [1, Buffer.from(version, 'hex'), now, now + LIFE_MS, 0, body]);
      const foreign = arrays.map((array) => Buffer.from(packr.pack(array)));
      return {
        reference: 'msgpackr, decode',
        benchmarks: [
          sync('encode', (i) => pack(value(i), version, now, now + LIFE_MS, PLAIN).length),
          sync('decode', (i) => unpack(KEY, packed[i % packed.length]!, PLAIN)!.bytes),
          peer(sync('msgpackr, encode', (i) => packr.pack(arrays[i % arrays.length]!).length)),
          peer(sync('msgpackr, decode', (i) => packr.unpack(foreign[i % foreign.length]!)[5].length)),
        ],
      };
    }),
  ),
  ...SIZES.slice(2).map(([bytes, label]) =>
    group(`envelope, ${label} compressed`, () => {
      const value = { encoding: 'json', body: textOf(bytes) } as const;
      const packed = pack(value, NO_VERSION, now, now + LIFE_MS, COMPRESSED);
      return {
        benchmarks: [
          sync('encode', () => pack(value, version, now, now + LIFE_MS, COMPRESSED).length),
          sync('decode', () => unpack(KEY, packed, COMPRESSED)!.bytes),
        ],
      };
    }),
  ),
];
