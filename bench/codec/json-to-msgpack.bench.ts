import { pack } from 'msgpackr';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { entries, textOf } from '../support/quotes.ts';
import { group, peer, sync } from '../support/suite.ts';

const COUNT = 8192;

export default [
  group('JSON to msgpack, a quote', () => {
    const { values } = entries(COUNT);
    const text = (i: number) => values[i & (COUNT - 1)]!;
    return {
      reference: 'JSON.parse and msgpackr',
      benchmarks: [
        sync('jsonToMsgpack', (i) => jsonToMsgpack(text(i)).length),
        peer(sync('JSON.parse and msgpackr', (i) => pack(JSON.parse(text(i))).length)),
      ],
    };
  }),
  group('JSON to msgpack, 8 KB', () => {
    const text = textOf(8192);
    return {
      reference: 'JSON.parse and msgpackr',
      benchmarks: [
        sync('jsonToMsgpack', () => jsonToMsgpack(text).length),
        peer(sync('JSON.parse and msgpackr', () => pack(JSON.parse(text)).length)),
      ],
    };
  }),
];
