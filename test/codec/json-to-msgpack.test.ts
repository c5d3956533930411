import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { MAX_DEPTH, NotConvertible } from '../../src/codec/errors.ts';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { validateMsgpack } from '../../src/codec/msgpack-read.ts';
import { msgpackToJson } from '../../src/codec/msgpack-to-json.ts';
import { canonical, choices, model, narrow, plain, spelled } from './arbitraries.ts';

const independent = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'bigint' });

const hex = (text: string) => jsonToMsgpack(text).toString('hex');

function refuses(text: string, reason: RegExp): void {
  JSON.parse(text);
  assert.throws(
    () => jsonToMsgpack(text),
    (error) => error instanceof NotConvertible && reason.test(error.reason),
  );
}

describe('JSON to msgpack', () => {
  it('writes msgpack that an independent decoder reads as the same value, for any spelling of the JSON', () => {
    fc.assert(
      fc.property(model, choices, (value, picks) => {
        const text = spelled(value, picks);
        JSON.parse(text);
        assert.deepEqual(narrow(independent.unpack(jsonToMsgpack(text))), plain(value));
      }),
    );
  });

  it('converts back to the same JSON with its digits, floats, -0 and order of members', () => {
    fc.assert(
      fc.property(model, choices, (value, picks) => {
        const text = spelled(value, picks);
        const back = msgpackToJson(jsonToMsgpack(text));
        assert.equal(back, canonical(value));
        assert.deepEqual(JSON.parse(back), JSON.parse(text));
      }),
    );
  });

  it('agrees with JSON.parse on every output of JSON.stringify', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.nat(4), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        // JSON.stringify writes a double beyond 2^63 as digits that may exceed 64 bits, which are refused.
        fc.pre(!/\d{19}/.test(text));
        const bytes = jsonToMsgpack(text);
        validateMsgpack(bytes);
        assert.deepEqual(JSON.parse(msgpackToJson(bytes)), JSON.parse(text));
      }),
    );
  });

  it('writes integers in their smallest form, up to both limits of 64 bits', () => {
    const forms: [string, string][] = [
      ['0', '00'],
      ['127', '7f'],
      ['128', 'cc80'],
      ['255', 'ccff'],
      ['256', 'cd0100'],
      ['65536', 'ce00010000'],
      ['4294967295', 'ceffffffff'],
      ['4294967296', 'cf0000000100000000'],
      ['9007199254740993', 'cf0020000000000001'],
      ['9223372036854775808', 'cf8000000000000000'],
      ['18446744073709551615', 'cfffffffffffffffff'],
      ['-1', 'ff'],
      ['-32', 'e0'],
      ['-33', 'd0df'],
      ['-128', 'd080'],
      ['-129', 'd1ff7f'],
      ['-32768', 'd18000'],
      ['-32769', 'd2ffff7fff'],
      ['-2147483648', 'd280000000'],
      ['-2147483649', 'd3ffffffff7fffffff'],
      ['-9007199254740993', 'd3ffdfffffffffffff'],
      ['-9223372036854775808', 'd38000000000000000'],
    ];
    for (const [text, bytes] of forms) assert.equal(hex(text), bytes, text);
  });

  it('refuses integers beyond 64 bits', () => {
    for (const text of [
      '18446744073709551616',
      '-9223372036854775809',
      '1'.repeat(400),
      `-${'9'.repeat(19)}`,
    ]) {
      refuses(text, /does not fit in 64 bits, at character 0/);
    }
    refuses('[1, {"a": 18446744073709551616}]', /at character 10/);
  });

  it('writes -0 and numbers with a fraction or an exponent as float64', () => {
    assert.equal(hex('-0'), 'cb8000000000000000');
    assert.equal(hex('-0.0'), 'cb8000000000000000');
    assert.equal(hex('0.0'), 'cb0000000000000000');
    assert.equal(hex('1.0'), 'cb3ff0000000000000');
    assert.equal(hex('1e3'), 'cb408f400000000000');
    assert.equal(hex('1E+3'), 'cb408f400000000000');
    assert.equal(hex('0.1'), 'cb3fb999999999999a');
    assert.equal(hex('0e5'), 'cb0000000000000000');
    assert.equal(hex('5e-324'), 'cb0000000000000001');
  });

  it('refuses decimals that a double would turn into infinity or zero', () => {
    refuses('1e400', /too large for a double/);
    refuses('-1.5E+999', /too large for a double/);
    refuses('1e-400', /too small for a double/);
    refuses('-0.000001e-400', /too small for a double/);
  });

  it('refuses lone surrogates in strings and names, and accepts surrogate pairs', () => {
    refuses('"\\ud83e"', /lone surrogate/);
    refuses('["\\udd8a\\ud83e"]', /lone surrogate.*at character 1/);
    refuses('{"\\udd8a": 1}', /lone surrogate/);
    refuses(JSON.stringify({ a: 'x\ud83e' }), /lone surrogate/);
    assert.equal(hex('"\\ud83e\\udd8a"'), hex('"🦊"'));
    assert.equal(hex('"🦊"'), 'a4f09fa68a');
  });

  it('writes unusual names in order', () => {
    const text = '{"b":1,"":2,"__proto__":{"x":3},"a":4,"constructor":5,"1":6,"hasOwnProperty":7}';
    assert.equal(msgpackToJson(jsonToMsgpack(text)), text);
  });

  it('refuses a repeated name in one object, escaped or not', () => {
    refuses('{"a":1,"b":2,"a":3}', /repeated, at character 13/);
    refuses('{"a":1,"\\u0061":2}', /repeated/);
    refuses('[{"__proto__":1,"__proto__":1}]', /repeated/);
    assert.equal(hex('[{"a":1},{"a":{"a":2}}]'), '9281a1610181a16181a16102');
  });

  it(`accepts ${MAX_DEPTH} levels of nesting and refuses one more`, () => {
    for (const depth of [999, MAX_DEPTH]) {
      const arrays = '['.repeat(depth) + ']'.repeat(depth);
      assert.equal(msgpackToJson(jsonToMsgpack(arrays)), arrays);
      const objects = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
      assert.equal(msgpackToJson(jsonToMsgpack(objects)), objects);
    }
    refuses('['.repeat(1001) + ']'.repeat(1001), /deeper than 1000 levels, at character 1000/);
    refuses(`${'{"a":['.repeat(501)}${']}'.repeat(501)}`, /deeper than 1000/);
    refuses('['.repeat(100_000) + ']'.repeat(100_000), /deeper than 1000/);
  });

  it('is not confused by brackets, commas and quotes inside strings', () => {
    const text = '{"[,{":"}],\\"","\\\\":["\\\\","\\\\\\"",","]}';
    assert.deepEqual(JSON.parse(msgpackToJson(jsonToMsgpack(text))), JSON.parse(text));
  });

  it('converts strings of 300 KB, plain, escaped and beyond ASCII', () => {
    for (const unit of ['x', 'é', '🦊', '"\\\n']) {
      const value = unit.repeat(300_000 / unit.length);
      assert.equal(independent.unpack(jsonToMsgpack(JSON.stringify(value))), value);
    }
  });

  it('writes container sizes at the limits of each header', () => {
    for (const count of [0, 1, 15, 16, 65_535, 65_536]) {
      const items = Array.from({ length: count }, (_, i) => i);
      assert.deepEqual(independent.unpack(jsonToMsgpack(JSON.stringify(items))), items);
      const entries = items.map((i): [string, number] => [`k${i}`, i]);
      const text = JSON.stringify(Object.fromEntries(entries));
      assert.deepEqual(independent.unpack(jsonToMsgpack(text)), new Map(entries));
      assert.equal(msgpackToJson(jsonToMsgpack(text)), text);
    }
  });

  it('converts the next value after refusing a value half way through', () => {
    refuses('["kept out", 1e999]', /too large/);
    assert.equal(hex('[1]'), '9101');
  });
});
