import { unpack } from 'msgpackr';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { msgpackToJson } from '../../src/codec/msgpack-to-json.ts';
import { entries, textOf } from '../support/quotes.ts';
import { group, peer, sync } from '../support/suite.ts';

const COUNT = 8192;

export default [
  group('msgpack to JSON, a quote', () => {
    const packed = entries(COUNT).values.map(jsonToMsgpack);
    const bytes = (i: number) => packed[i & (COUNT - 1)]!;
    return {
      reference: 'msgpackr and JSON.stringify',
      benchmarks: [
        sync('msgpackToJson', (i) => msgpackToJson(bytes(i)).length),
        peer(sync('msgpackr and JSON.stringify', (i) => JSON.stringify(unpack(bytes(i))).length)),
      ],
    };
  }),
  group('msgpack to JSON, 8 KB', () => {
    const bytes = jsonToMsgpack(textOf(8192));
    return {
      reference: 'msgpackr and JSON.stringify',
      benchmarks: [
        sync('msgpackToJson', () => msgpackToJson(bytes).length),
        peer(sync('msgpackr and JSON.stringify', () => JSON.stringify(unpack(bytes)).length)),
      ],
    };
  }),
];
