import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { Malformed } from '../../src/codec/errors.ts';
import {
  kindAt,
  readFloat,
  readInteger,
  readString,
  skip,
  validateMsgpack,
} from '../../src/codec/msgpack-read.ts';
import { MsgpackWriter } from '../../src/codec/msgpack-write.ts';
import { type Model, model, plain, write } from './arbitraries.ts';

const independent = new Packr({ useRecords: false, variableMapSize: true });

const from = (hex: string) => Buffer.from(hex, 'hex');

function encode(value: Model): Buffer {
  const writer = new MsgpackWriter();
  write(writer, value);
  return writer.take();
}

/** Runs `read` on bytes that are followed by other bytes in the same memory, which `read` must not read. */
function fenced<T>(bytes: Uint8Array, behind: number, read: (view: Uint8Array) => T): T | 'malformed' {
  const memory = new Uint8Array(bytes.length + 64).fill(behind);
  memory.set(bytes, 32);
  try {
    return read(memory.subarray(32, 32 + bytes.length));
  } catch (error) {
    if (error instanceof Malformed) return 'malformed';
    throw error;
  }
}

const readers: ((bytes: Uint8Array) => unknown)[] = [
  (bytes) => skip(bytes, 0),
  (bytes) => validateMsgpack(bytes),
  (bytes) => kindAt(bytes, 0),
  (bytes) => readString(bytes, 0),
  (bytes) => readInteger(bytes, 0),
  (bytes) => readFloat(bytes, 0),
];

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .tuple(model, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3 }), fc.nat(200))
    .map(([value, changes, cut]) => {
      const bytes = encode(value);
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      return cut < 100 ? bytes.subarray(0, cut) : bytes;
    }),
);

describe('skip', () => {
  it('returns the end of the object, for any bytes after it', () => {
    fc.assert(
      fc.property(model, fc.uint8Array({ maxLength: 8 }), fc.nat(8), (value, after, before) => {
        const bytes = encode(value);
        const within = Buffer.concat([Buffer.alloc(before, 0xc1), bytes, after]);
        assert.equal(skip(within, before), before + bytes.length);
      }),
    );
  });

  it('throws Malformed for every truncated object', () => {
    fc.assert(
      fc.property(model, fc.nat(), (value, n) => {
        const bytes = encode(value);
        assert.throws(() => skip(bytes.subarray(0, n % bytes.length), 0), Malformed);
      }),
    );
  });

  it('returns the right size for every first byte', () => {
    const sizes: [string, number][] = [
      ['c0', 1],
      ['c2', 1],
      ['c3', 1],
      ['c403', 5],
      ['c50100', 259],
      ['c600010000', 65541],
      ['c703', 6],
      ['c80003', 7],
      ['c900000003', 9],
      ['ca', 5],
      ['cb', 9],
      ['cc', 2],
      ['cd', 3],
      ['ce', 5],
      ['cf', 9],
      ['d0', 2],
      ['d1', 3],
      ['d2', 5],
      ['d3', 9],
      ['d4', 3],
      ['d5', 4],
      ['d6', 6],
      ['d7', 10],
      ['d8', 18],
      ['d903', 5],
      ['da0003', 6],
      ['db00000003', 8],
      ['dc0003', 6],
      ['dd00000003', 8],
      ['de0003', 9],
      ['df00000003', 11],
      ['00', 1],
      ['7f', 1],
      ['e0', 1],
      ['ff', 1],
      ['8f', 31],
      ['9f', 16],
      ['bf', 32],
    ];
    for (const [hex, size] of sizes) {
      // Zeros after the header stand for text, payload, or items that are the integer 0.
      const bytes = Buffer.alloc(size);
      from(hex).copy(bytes);
      assert.equal(skip(bytes, 0), size, hex);
      assert.throws(() => skip(bytes.subarray(0, size - 1), 0), Malformed, hex);
    }
  });

  it('throws Malformed for 0xc1, for empty input and for impossible counts', () => {
    for (const hex of [
      'c1',
      '91c1',
      '',
      'ddffffffff00',
      'dfffffffff00',
      'dbffffffff00',
      'c6ffffffff',
      'c9ffffffff',
    ]) {
      assert.throws(() => skip(from(hex), 0), Malformed, hex);
    }
    assert.throws(() => skip(from('c0'), 1), Malformed);
    assert.throws(() => skip(from('dfffffffff'.repeat(1000)), 0), Malformed);
  });

  it('skips a million levels of nesting without recursion', () => {
    const deep = Buffer.alloc(1_000_001, 0x91);
    deep[1_000_000] = 0xc0;
    assert.equal(skip(deep, 0), deep.length);
  });
});

describe('every reader', () => {
  it('returns or throws Malformed, and never reads past the end', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        for (const read of readers) {
          assert.deepEqual(fenced(bytes, 0x00, read), fenced(bytes, 0xff, read));
          assert.deepEqual(fenced(bytes, 0x00, read), fenced(Buffer.from(bytes), 0x61, read));
        }
        const end = fenced(bytes, 0, (view) => skip(view, 0));
        assert.ok(end === 'malformed' || (end > 0 && end <= bytes.length));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('validateMsgpack', () => {
  it('accepts exactly one object', () => {
    fc.assert(
      fc.property(model, (value) => {
        const bytes = encode(value);
        validateMsgpack(bytes);
        assert.throws(() => validateMsgpack(Buffer.concat([bytes, from('c0')])), Malformed);
      }),
    );
    assert.throws(() => validateMsgpack(new Uint8Array()), Malformed);
  });

  it('accepts every output of an independent encoder, including binary and timestamps', () => {
    for (const value of [
      new Date(0),
      Buffer.alloc(70_000),
      { a: [new Uint8Array(3)] },
      2n ** 64n - 1n,
      1.5,
    ]) {
      validateMsgpack(independent.pack(value));
    }
  });
});

describe('scalars', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(model, (value) => {
        const bytes = encode(value);
        if (value.type === 'str') assert.equal(readString(bytes, 0), value.value);
        if (value.type === 'int') assert.equal(readInteger(bytes, 0), plain(value));
        if (value.type === 'float') assert.ok(Object.is(readFloat(bytes, 0), value.value));
      }),
    );
  });

  it('are bigints for integers that a double cannot hold, and floats of both sizes', () => {
    assert.equal(readInteger(from('d3ffe0000000000001'), 0), Number.MIN_SAFE_INTEGER);
    assert.equal(readInteger(from('cf001fffffffffffff'), 0), Number.MAX_SAFE_INTEGER);
    assert.equal(readInteger(from('cf0020000000000000'), 0), 2n ** 53n);
    assert.equal(readInteger(from('d3ffe0000000000000'), 0), -(2n ** 53n));
    assert.ok(Number.isNaN(readFloat(from('cb7ff8000000000000'), 0)));
    assert.equal(readFloat(from('ca3fc00000'), 0), 1.5);
    for (const read of [readInteger, readFloat]) assert.throws(() => read(from('a131'), 0), Malformed);
  });

  it('are strings only in valid UTF-8, which may begin with a byte order mark', () => {
    assert.equal(readString(from('a3efbbbf'), 0), '\ufeff');
    assert.throws(() => readString(from('a1ff'), 0), Malformed);
    assert.throws(() => readString(from('01'), 0), Malformed);
  });
});
