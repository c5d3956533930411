import assert from 'node:assert/strict';
import { Malformed, NotConvertible } from '../../../src/codec/errors.ts';
import { elements, member, members, skip, skipSpace } from '../../../src/codec/json-read.ts';
import { jsonToMsgpack } from '../../../src/codec/json-to-msgpack.ts';
import { validateMsgpack } from '../../../src/codec/msgpack-read.ts';
import { msgpackToJson } from '../../../src/codec/msgpack-to-json.ts';
import { ServiceError } from '../../../src/errors.ts';
import { jsonCodec } from '../../../src/push/json-codec.ts';
import { mutate } from '../grammar/mutate.ts';
import { jsonOf } from '../grammar/values.ts';
import type { DecoderKind, Source } from '../kind.ts';
import { allow } from './allow.ts';

const WORDS = ['"value":', '\\ud800', '1e999', '-0', '1E-400', '[[[[', '18446744073709551616', '{"":', '\\"'];

/** JSON texts, valid and damaged. Text that JSON.parse accepts is transcoded; other text must only end. */
export const json: DecoderKind = {
  name: 'json',
  decodes: true,
  show: (source) => inputOf(source).toString('latin1'),
  check(source) {
    const bytes = inputOf(source);
    const text = bytes.toString();
    allow([Malformed, SyntaxError], () => readAll(text));
    allow([ServiceError], () => jsonCodec.decode(bytes).value());
    if (allow([SyntaxError], () => JSON.parse(text) === undefined) === undefined) {
      allow([Malformed, NotConvertible], () => jsonToMsgpack(text));
      return;
    }
    const packed = allow([NotConvertible], () => jsonToMsgpack(text));
    if (packed === undefined) return;
    validateMsgpack(packed);
    const back = msgpackToJson(packed);
    assert.deepEqual(JSON.parse(back), JSON.parse(text));
    assert.deepEqual(jsonToMsgpack(back), packed);
  },
};

function inputOf({ values, random }: Source): Buffer {
  return mutate(jsonOf(values.any(random), random), random, WORDS);
}

/** Uses every function that finds values in a text. */
function readAll(text: string): void {
  const start = skipSpace(text, 0);
  skip(text, start);
  member(text, start, 'value');
  if (text[start] === '[') for (const [from] of elements(text, start)) skip(text, from);
  else for (const [, from] of members(text, start)) skip(text, from);
}
