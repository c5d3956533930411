import { unpack } from 'msgpackr';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { validateMsgpack } from '../../src/codec/msgpack-read.ts';
import { entries } from '../support/quotes.ts';
import { group, peer, sync } from '../support/suite.ts';

const COUNT = 8192;

export default [
  group('reading msgpack, a quote', () => {
    const packed = entries(COUNT).values.map(jsonToMsgpack);
    const bytes = (i: number) => packed[i & (COUNT - 1)]!;
    return {
      reference: 'msgpackr',
      benchmarks: [
        sync('validateMsgpack', (i) => {
          validateMsgpack(bytes(i));
          return 1;
        }),
        peer(sync('msgpackr', (i) => unpack(bytes(i)).symbol.length)),
      ],
    };
  }),
];
