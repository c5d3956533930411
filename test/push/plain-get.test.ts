import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Packr, pack } from 'msgpackr';
import { jsonCodec } from '../../src/push/json-codec.ts';
import { msgpackCodec } from '../../src/push/msgpack-codec.ts';

const compact = new Packr({ useRecords: false, variableMapSize: true });

const KEY = 'borrow_rate:AAPL';
const request = (id: unknown, key = KEY) => ({ id, op: 'get', key });

const CODECS = [
  { codec: jsonCodec, encodings: [(data: object) => Buffer.from(JSON.stringify(data))] },
  { codec: msgpackCodec, encodings: [(data: object) => pack(data), (data: object) => compact.pack(data)] },
];

for (const { codec, encodings } of CODECS) {
  describe(`a plain get in ${codec.name}`, () => {
    for (const encode of encodings) {
      test('has the id and the key that decoding the frame gives', () => {
        for (const id of [0, 1, 10, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295])
          for (const key of [KEY, 'k', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(64)])
            assert.deepEqual(codec.plainGet(encode(request(id, key))), { id, key });
      });

      test('is not another request, nor one with an id or a key that needs decoding', () => {
        const others = [
          { id: 1, op: 'set', key: KEY },
          { op: 'get', id: 1, key: KEY },
          { id: 1, op: 'get', key: KEY, fallback: true },
          { id: 1, op: 'get' },
          ...[-1, 1.5, '1', null, true, 2 ** 53].map((id) => request(id)),
          ...['', 'é', 'x'.repeat(65), '\ud800'].map((key) => request(1, key)),
        ];
        for (const other of others) assert.equal(codec.plainGet(encode(other)), undefined);
      });

      test('is not a frame that was cut or made longer', () => {
        const frame = encode(request(70_000));
        for (let end = 0; end < frame.length; end++) {
          const plain = codec.plainGet(frame.subarray(0, end));
          assert.equal(plain, undefined, `the first ${end} bytes`);
        }
        assert.equal(codec.plainGet(Buffer.concat([frame, Buffer.from([0])])), undefined);
      });

      test('is, whatever the bytes, what decoding gives', () => {
        const frame = encode(request(70_000));
        const change = fc.record({ at: fc.nat(frame.length - 1), byte: fc.nat(255) });
        fc.assert(
          fc.property(fc.array(change, { maxLength: 3 }), (changes) => {
            const changed = Buffer.from(frame);
            for (const { at, byte } of changes) changed[at] = byte;
            const plain = codec.plainGet(changed);
            if (plain !== undefined)
              assert.deepEqual({ ...codec.decode(changed).data }, request(plain.id, plain.key));
          }),
          { numRuns: 3000 },
        );
      });
    }
  });
}

test('a key with characters that JSON escapes is decoded', () => {
  for (const key of ['a"b', 'a\\b', 'a\nb', 'a\u0001b'])
    assert.equal(jsonCodec.plainGet(Buffer.from(JSON.stringify(request(1, key)))), undefined);
  const raw = Buffer.from('{"id":1,"op":"get","key":"a\nb"}');
  assert.equal(jsonCodec.plainGet(raw), undefined);
  for (const id of ['01', '1e3', '1.0', '', ' 1', '1 ', '1'.repeat(16)])
    assert.equal(jsonCodec.plainGet(Buffer.from(`{"id":${id},"op":"get","key":"k"}`)), undefined);
});
