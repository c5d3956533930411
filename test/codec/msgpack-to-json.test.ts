import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { Malformed, NotConvertible } from '../../src/codec/errors.ts';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import { msgpackToJson } from '../../src/codec/msgpack-to-json.ts';
import { MsgpackWriter } from '../../src/codec/msgpack-write.ts';
import { canonical, model, write } from './arbitraries.ts';

const independent = new Packr({ useRecords: false });
const writer = new MsgpackWriter();

const json = (hex: string) => msgpackToJson(Buffer.from(hex, 'hex'));

function refuses(hex: string, reason: RegExp): void {
  assert.throws(
    () => json(hex),
    (error) => error instanceof NotConvertible && reason.test(error.reason),
    hex,
  );
}

describe('msgpack to JSON', () => {
  it('writes JSON that converts back to the same bytes', () => {
    fc.assert(
      fc.property(model, (value) => {
        writer.reset();
        write(writer, value);
        const bytes = writer.take();
        const text = msgpackToJson(bytes);
        assert.equal(text, canonical(value));
        assert.deepEqual(jsonToMsgpack(text), bytes);
      }),
    );
  });

  it('reads the output of an independent encoder', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const plain = JSON.parse(JSON.stringify(value));
        assert.deepEqual(JSON.parse(msgpackToJson(independent.pack(plain))), plain);
      }),
    );
  });

  it('writes 64-bit integers with all their digits', () => {
    assert.equal(json('cf0020000000000001'), '9007199254740993');
    assert.equal(json('cf8000000000000000'), '9223372036854775808');
    assert.equal(json('cfffffffffffffffff'), '18446744073709551615');
    assert.equal(json('d38000000000000000'), '-9223372036854775808');
    assert.equal(json('d3ffdfffffffffffff'), '-9007199254740993');
    assert.equal(json('d3ffffffffffffffff'), '-1');
    assert.equal(json('cf0000000000000007'), '7');
  });

  it('writes floats so that they read back as floats', () => {
    assert.equal(json('cb4008000000000000'), '3.0');
    assert.equal(json('cb8000000000000000'), '-0');
    assert.equal(json('cb0000000000000000'), '0.0');
    assert.equal(json('cb4340000000000000'), '9007199254740992.0');
    assert.equal(json('cb444b1ae4d6e2ef50'), '1e+21');
    assert.equal(json('cb3fb999999999999a'), '0.1');
  });

  it('writes a float32 as the double of exactly its value', () => {
    assert.equal(json('ca3dcccccd'), '0.10000000149011612');
    assert.equal(json('ca40400000'), '3.0');
    assert.equal(json('ca80000000'), '-0');
  });

  it('refuses values that JSON cannot represent, and names the value and its place', () => {
    refuses('c403010203', /^binary data has no JSON form, at byte 0$/);
    refuses('9201c500020102', /binary.*at byte 2/);
    refuses('d6ff00000001', /^a timestamp has no JSON form/);
    refuses('d7ff0000000000000001', /timestamp/);
    refuses('c70cff000000000000000000000000', /timestamp/);
    refuses('d40501', /extension of type 5/);
    refuses('c80001fe01', /extension of type -2/);
    refuses('cb7ff8000000000000', /NaN/);
    refuses('cb7ff0000000000000', /Infinity/);
    refuses('caff800000', /-Infinity/);
  });

  it('refuses map keys that are not strings, and repeated map keys', () => {
    refuses('810102', /map key is int.*at byte 1/);
    refuses('81c002', /map key is nil/);
    refuses('81c4016102', /map key is bin/);
    refuses('82a16101a16102', /map key is repeated, at byte 4/);
    refuses('82a16101d9016102', /repeated/);
    assert.equal(json('92a16181a16181a16102'), '["a",{"a":{"a":2}}]');
  });

  it('refuses strings that are not UTF-8', () => {
    refuses('a1ff', /not UTF-8/);
    refuses('a3eda080', /not UTF-8/);
    refuses('a2c080', /not UTF-8/);
    refuses('81a1ff01', /not UTF-8, at byte 1/);
    refuses(`d950${'61'.repeat(79)}c3`, /not UTF-8/);
  });

  it('preserves a byte order mark, emoji and empty names', () => {
    assert.equal(json('a7efbbbff09fa68a'), '"\ufeff🦊"');
    assert.equal(json('81a0a0'), '{"":""}');
    assert.equal(json('81a95f5f70726f746f5f5f90'), '{"__proto__":[]}');
  });

  it('accepts 1000 levels of nesting and refuses one more', () => {
    const nested = (depth: number) => `${'91'.repeat(depth - 1)}90`;
    assert.equal(json(nested(999)), '['.repeat(999) + ']'.repeat(999));
    assert.equal(json(nested(1000)), '['.repeat(1000) + ']'.repeat(1000));
    refuses(nested(1001), /deeper than 1000 levels/);
    refuses(`${'81a161'.repeat(1001)}c0`, /deeper than 1000 levels/);
    refuses(nested(100_000), /deeper than 1000 levels/);
  });

  it('throws Malformed for bytes that are not exactly one object', () => {
    for (const hex of ['', 'c1', '91', '0101', 'a261', 'ddffffffff']) {
      assert.throws(() => json(hex), Malformed, hex);
    }
  });

  it('converts strings of 300 KB', () => {
    for (const unit of ['x', 'é', '🦊']) {
      const value = unit.repeat(300_000 / unit.length);
      assert.equal(JSON.parse(msgpackToJson(independent.pack(value))), value);
    }
  });

  it('returns JSON, or throws NotConvertible or Malformed, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          JSON.parse(msgpackToJson(bytes));
        } catch (error) {
          assert.ok(error instanceof NotConvertible || error instanceof Malformed, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
