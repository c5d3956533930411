import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Unpackr } from 'msgpackr';
import { readFloat, readInteger, validateMsgpack } from '../../src/codec/msgpack-read.ts';
import { MsgpackWriter } from '../../src/codec/msgpack-write.ts';
import { model, narrow, plain, write } from './arbitraries.ts';

const independent = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'bigint' });

function written(compose: (writer: MsgpackWriter) => void): Buffer {
  const writer = new MsgpackWriter(1);
  compose(writer);
  return writer.take();
}

const head = (bytes: Uint8Array, size: number) => Buffer.from(bytes.subarray(0, size)).toString('hex');

describe('MsgpackWriter', () => {
  it('writes bytes that an independent decoder reads as the same value', () => {
    const writer = new MsgpackWriter(16);
    fc.assert(
      fc.property(model, (value) => {
        writer.reset();
        write(writer, value);
        validateMsgpack(writer.bytes());
        assert.deepEqual(narrow(independent.unpack(writer.bytes())), plain(value));
      }),
    );
  });

  it('writes each string in the smallest form for its length in bytes', () => {
    const forms: [string, string][] = [
      ['', 'a0'],
      ['x'.repeat(31), 'bf78'],
      ['x'.repeat(32), 'd92078'],
      ['x'.repeat(255), 'd9ff78'],
      ['x'.repeat(256), 'da010078'],
      ['x'.repeat(65_535), 'daffff78'],
      ['x'.repeat(65_536), 'db0001000078'],
      ['é'.repeat(15), 'bec3a9'],
      ['é'.repeat(16), 'd920c3a9'],
      ['é'.repeat(127), 'd9fec3a9'],
      ['é'.repeat(128), 'da0100c3a9'],
      ['é'.repeat(32_768), 'db00010000c3a9'],
      ['🦊'.repeat(75_000), 'db000493e0f09fa68a'],
      [`${'x'.repeat(30)}é`, 'd92078'],
    ];
    for (const [text, start] of forms) {
      const bytes = written((writer) => writer.str(text));
      assert.equal(head(bytes, start.length / 2), start);
      assert.equal(independent.unpack(bytes), text);
    }
  });

  it('writes binary and container headers in the smallest form', () => {
    for (const [size, start] of [
      [0, 'c400'],
      [255, 'c4ff'],
      [256, 'c50100'],
      [65_535, 'c5ffff'],
      [65_536, 'c600010000'],
    ] as const) {
      const bytes = written((writer) => writer.bin(new Uint8Array(size).fill(7)));
      assert.equal(head(bytes, start.length / 2), start);
      assert.deepEqual(new Uint8Array(independent.unpack(bytes)), new Uint8Array(size).fill(7));
    }
    for (const [count, array, map] of [
      [0, '90', '80'],
      [15, '9f', '8f'],
      [16, 'dc0010', 'de0010'],
      [65_535, 'dcffff', 'deffff'],
      [65_536, 'dd00010000', 'df00010000'],
      [4_294_967_295, 'ddffffffff', 'dfffffffff'],
    ] as const) {
      assert.equal(written((writer) => writer.array(count)).toString('hex'), array);
      assert.equal(written((writer) => writer.map(count)).toString('hex'), map);
    }
  });

  it('writes the same integer from a number and a bigint', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const bytes = written((writer) => writer.int(value));
        assert.deepEqual(
          bytes,
          written((writer) => writer.int(BigInt(value))),
        );
        assert.ok(readInteger(bytes, 0) === value);
      }),
    );
  });

  it('refuses integers that it cannot write exactly', () => {
    for (const value of [1.5, Number.NaN, 2 ** 53, 2n ** 64n, -(2n ** 63n) - 1n]) {
      assert.throws(() => written((writer) => writer.int(value)), RangeError);
    }
    assert.equal(written((writer) => writer.int(2n ** 64n - 1n)).toString('hex'), 'cfffffffffffffffff');
    assert.equal(written((writer) => writer.int(-(2n ** 63n))).toString('hex'), 'd38000000000000000');
  });

  it('writes floats as float64, including -0 and NaN', () => {
    for (const value of [0, -0, 1.5, Number.NaN, Number.NEGATIVE_INFINITY]) {
      const bytes = written((writer) => writer.float(value));
      assert.equal(bytes.length, 9);
      assert.ok(Object.is(readFloat(bytes, 0), value));
    }
  });

  it('copies encoded bytes unchanged, short and long', () => {
    for (const size of [0, 1, 23, 24, 10_000]) {
      const encoded = new Uint8Array(size).map((_, i) => i);
      assert.deepEqual(new Uint8Array(written((writer) => writer.raw(encoded))), encoded);
    }
  });

  it('returns a view from bytes, and from take a copy that stays valid', () => {
    const writer = new MsgpackWriter();
    writer.array(2);
    writer.int(1);
    writer.str('one');
    const copy = Buffer.from(writer.bytes());
    const taken = writer.take();
    assert.equal(writer.bytes().length, 0);
    writer.str('two, and over it');
    assert.deepEqual(taken, copy);
    assert.deepEqual(independent.unpack(taken), [1, 'one']);
    writer.reset();
    writer.nil();
    writer.bool(true);
    writer.bool(false);
    assert.equal(head(writer.bytes(), 9), 'c0c3c2');
  });

  it('writes correctly after a huge value was reset', () => {
    const writer = new MsgpackWriter();
    writer.bin(new Uint8Array(5_000_000));
    assert.equal(writer.take().length, 5_000_005);
    writer.int(1);
    assert.equal(head(writer.bytes(), 9), '01');
  });
});
