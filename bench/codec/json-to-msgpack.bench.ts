import { pack } from 'msgpackr';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { group, sync } from '../suites/suite.ts';
import { rateOf } from '../support/data.ts';

export default [270, 8192].map((bytes) =>
  group(`JSON to msgpack, ${bytes} B`, () => {
    const text = rateOf(bytes);
    return {
      reference: 'JSON.parse and msgpackr',
      benchmarks: [
        sync('jsonToMsgpack', () => jsonToMsgpack(text).length),
        sync('JSON.parse and msgpackr', () => pack(JSON.parse(text)).length),
      ],
    };
  }),
);
