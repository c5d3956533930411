import { keyFault, TYPES, typeOf } from '../src/key.ts';
import { freshKeyStream, keyStream } from './support/key-stream.ts';
import { entries } from './support/quotes.ts';
import { group, peer, sync } from './support/suite.ts';

const MAX_KEY_BYTES = 512;
// Few enough to stay in the CPU's caches: a key that has just come from a socket is there too.
const KEYS = 1000;

export default [
  group('the type of a key', () => {
    const { keys } = entries(KEYS);
    const key = keyStream(keys);
    const types = new Map<string, number>(TYPES.map((type, index) => [type, index]));
    return {
      reference: 'split and look up',
      benchmarks: [
        sync('typeOf', (i) => typeOf(key(i))),
        peer(sync('split and look up', (i) => types.get(key(i).split(':', 1)[0]!)!)),
      ],
    };
  }),
  group('whether a key is one', () => {
    const { keys } = entries(KEYS);
    const key = keyStream(keys);
    const fresh = freshKeyStream(keys);
    return {
      benchmarks: [
        sync('keyFault', (i) => (keyFault(key(i), MAX_KEY_BYTES) === undefined ? 1 : 0)),
        sync('read from a buffer, then keyFault', (i) =>
          keyFault(fresh(i), MAX_KEY_BYTES) === undefined ? 1 : 0,
        ),
      ],
    };
  }),
];
