import { Entry, keep } from '../../src/cache/entry.ts';
import { VERSION_BYTES, VersionClock } from '../../src/cache/version.ts';
import { LIFE_MS } from '../support/cache.ts';
import { entries, textOf } from '../support/quotes.ts';
import { group, sync } from '../support/suite.ts';

const COUNT = 8192;

export default [
  group('an entry', () => {
    const { keys, values } = entries(COUNT);
    const bytes = values.map((value) => Buffer.from(value));
    const large = Buffer.from(textOf(8192));
    const versions = new VersionClock('be4c4000');
    const version = versions.next();
    const sent = Buffer.alloc(VERSION_BYTES);
    const now = Date.now();
    const at = (i: number) => i & (COUNT - 1);
    const make = (i: number) =>
      new Entry(keys[at(i)]!, { encoding: 'json', body: values[at(i)]! }, version, now, now + LIFE_MS);
    return {
      benchmarks: [
        sync('make', (i) => make(i).bytes),
        sync('make, then its msgpack', (i) => make(i).msgpack.length),
        sync('keep a quote’s bytes', (i) => keep('json', bytes[at(i)]!).length),
        sync('keep 8 KB', () => keep('json', large).length),
        // Reading it is a part of the price: V8 puts off what a concatenation costs.
        sync('stamp a version, and write it', () => sent.write(versions.next(), 'hex')),
      ],
    };
  }),
];
