import assert from 'node:assert/strict';
import { Malformed, NotConvertible } from '../../../src/codec/errors.ts';
import { jsonToMsgpack } from '../../../src/codec/json-to-msgpack.ts';
import * as read from '../../../src/codec/msgpack-read.ts';
import { msgpackToJson } from '../../../src/codec/msgpack-to-json.ts';
import { unpackRequest } from '../../../src/codec/unpack-request.ts';
import { ServiceError } from '../../../src/errors.ts';
import { msgpackCodec } from '../../../src/push/msgpack-codec.ts';
import { mutate } from '../grammar/mutate.ts';
import { msgpackOf } from '../grammar/values.ts';
import { type DecoderKind, type Source, shown } from '../kind.ts';
import { allow } from './allow.ts';

const WORDS = ['dfffffffff', 'ddffffffff', 'dbffffffff', 'c9ffffffff01', 'd6ff00000000', 'a576616c7565'].map(
  (hex) => Buffer.from(hex, 'hex').toString('latin1'),
);

/** msgpack objects, valid and damaged. No reader may look past the end, and what JSON can represent must come back. */
export const msgpack: DecoderKind = {
  name: 'msgpack',
  decodes: true,
  show: (source) => shown(inputOf(source)),
  check(source) {
    const bytes = inputOf(source);
    for (const each of [read.kindAt, read.readString, read.readInteger, read.readFloat])
      allow([Malformed], () => each(bytes, 0));
    allow([Malformed], () => unpackRequest(bytes));
    allow([ServiceError], () => msgpackCodec.decode(bytes).value());
    const end = allow([Malformed], () => read.skip(bytes, 0));
    if (end === undefined) {
      assert.throws(() => msgpackToJson(bytes), Malformed);
      return;
    }
    assert.ok(end > 0 && end <= bytes.length);
    const whole = bytes.subarray(0, end);
    read.validateMsgpack(whole);
    const text = allow([NotConvertible], () => msgpackToJson(whole));
    if (text === undefined) return;
    // A decimal of JSON is a float64, so the msgpack may differ; the JSON may not.
    assert.equal(msgpackToJson(jsonToMsgpack(text)), text);
  },
};

function inputOf({ values, random }: Source): Buffer {
  return mutate(msgpackOf(values.any(random)), random, WORDS);
}
