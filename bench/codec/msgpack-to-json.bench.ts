import { unpack } from 'msgpackr';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { msgpackToJson } from '../../src/codec/msgpack-to-json.ts';
import { group, sync } from '../suites/suite.ts';
import { rateOf } from '../support/data.ts';

export default [270, 8192].map((bytes) =>
  group(`msgpack to JSON, ${bytes} B`, () => {
    const packed = jsonToMsgpack(rateOf(bytes));
    return {
      reference: 'msgpackr and JSON.stringify',
      benchmarks: [
        sync('msgpackToJson', () => msgpackToJson(packed).length),
        sync('msgpackr and JSON.stringify', () => JSON.stringify(unpack(packed)).length),
      ],
    };
  }),
);
