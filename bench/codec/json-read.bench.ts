import { member } from '../../src/codec/json-read.ts';
import { entries } from '../support/quotes.ts';
import { group, peer, sync } from '../support/suite.ts';

const COUNT = 8192;

export default [
  group('reading JSON, a quote', () => {
    const { values } = entries(COUNT);
    const text = (i: number) => values[i & (COUNT - 1)]!;
    return {
      reference: 'JSON.parse',
      benchmarks: [
        sync('member', (i) => member(text(i), 0, 'available')![0]),
        peer(sync('JSON.parse', (i) => JSON.parse(text(i)).symbol.length)),
      ],
    };
  }),
];
