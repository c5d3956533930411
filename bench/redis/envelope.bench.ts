import { Packr } from 'msgpackr';
import { VersionClock } from '../../src/cache/version.ts';
import { pack, unpack } from '../../src/redis/envelope.ts';
import { group, sync } from '../suites/suite.ts';
import { LIFE_MS } from '../support/cache.ts';
import { rateOf } from '../support/data.ts';

const SIZES = [200, 1024, 8192, 65_536];
const PLAIN = { compressionThresholdBytes: 0, maxValueBytes: 1 << 20 };
const COMPRESSED = { compressionThresholdBytes: 4096, maxValueBytes: 1 << 20 };
const KEY = 'borrow_rate:AAPL';
const version = new VersionClock('be4c4000').next();
const now = Date.now();
const packr = new Packr({ useRecords: false });

export default SIZES.map((bytes) =>
  group(`envelope, ${bytes} B`, () => {
    const value = { encoding: 'json', body: rateOf(bytes) } as const;
    const array = [1, Buffer.from(version, 'hex'), now, now + LIFE_MS, 0, value.body];
    const foreign = Buffer.from(packr.pack(array));
    const coder = (name: string, limits: typeof PLAIN) => {
      const packed = pack(value, version, now, now + LIFE_MS, limits);
      return [
        sync(`encode${name}`, () => pack(value, version, now, now + LIFE_MS, limits).length),
        sync(`decode${name}`, () => unpack(KEY, packed, limits)!.bytes),
      ];
    };
    return {
      reference: 'msgpackr, decode',
      benchmarks: [
        ...coder('', PLAIN),
        ...(bytes > COMPRESSED.compressionThresholdBytes ? coder(', compressed', COMPRESSED) : []),
        sync('msgpackr, encode', () => packr.pack(array).length),
        sync('msgpackr, decode', () => packr.unpack(foreign)[5].length),
      ],
    };
  }),
);
