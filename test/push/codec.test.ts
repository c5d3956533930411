import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Packr, pack, Unpackr } from 'msgpackr';
import type { CoherenceState, Reason } from '../../src/cache/bus.ts';
import { Entry, keep, type Value } from '../../src/cache/entry.ts';
import type { ItemResult } from '../../src/cache/results.ts';
import { bufferOf } from '../../src/codec/value-bytes.ts';
import { ERRORS, type ErrorCode, ServiceError } from '../../src/errors.ts';
import type { Codec, Encoded, ResetReason, SnapshotItem } from '../../src/push/codec.ts';
import { jsonCodec } from '../../src/push/json-codec.ts';
import { msgpackCodec } from '../../src/push/msgpack-codec.ts';
import { NOW } from '../support/replica.ts';
import { UNLIMITED, versionOf } from './deps.ts';

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

const key = fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 1 }));
// Without values that the two encodings or their readers represent differently: a member called __proto__, -0, and
// integers past 2^53. The tests of the transcoders cover these values.
const plain = fc
  .jsonValue({ maxDepth: 3 })
  .filter((value) => !JSON.stringify(value).includes('__proto__') && !hasOddNumber(value));
const value: fc.Arbitrary<Value> = fc.oneof(
  plain.map((each): Value => ({ encoding: 'json', body: Buffer.from(JSON.stringify(each)) })),
  plain.map((each): Value => ({ encoding: 'msgpack', body: packr.pack(each) })),
  plain.map((each): Value => ({ encoding: 'msgpack', body: keep('msgpack', packr.pack(each)) })),
);
const entry = fc
  .tuple(key, value, fc.nat(), fc.integer({ min: -1000, max: 1e9 }))
  .map(([name, body, number, life]) => new Entry(name, body, versionOf(number), NOW, NOW + life));
const id = fc
  .oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }), key)
  .filter((id) => !Object.is(id, -0));
const code = fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[]));
const reason = fc.constantFrom<Reason>('set', 'delete', 'expire', 'evict', 'flush', 'remote');
const coherence = fc.constantFrom<CoherenceState>('coherent', 'degraded', 'blind', 'off');
const count = fc.nat();

const result: fc.Arbitrary<ItemResult> = fc.oneof(
  fc.record({ key, status: fc.constant('hit' as const), entry }),
  fc.record({ key, status: fc.constant('miss' as const) }),
  fc.record({ key, status: fc.constant('miss' as const), code }),
  fc.record({ key, status: fc.constant('error' as const), code, detail: key }),
);
const item: fc.Arbitrary<SnapshotItem> = fc.oneof(
  fc.record({ key, entry }),
  fc.record({ key, code }),
  fc.record({ key, entry, code }),
);

/** Every kind of frame that a service sends, with any content. */
const frames: Record<string, fc.Arbitrary<(codec: Codec) => Encoded>> = {
  item: fc.tuple(id, result, coherence).map(
    ([...a]) =>
      (codec) =>
        codec.item(a[0], a[1], NOW, a[2]),
  ),
  results: fc.tuple(id, fc.array(result), coherence).map(
    ([...a]) =>
      (codec) =>
        codec.results(a[0], a[1], NOW, a[2], UNLIMITED),
  ),
  snapshot: fc
    .tuple(
      id,
      fc.record({
        items: fc.array(item),
        values: fc.boolean(),
        now: fc.constant(NOW),
        resumed: fc.option(fc.boolean(), { nil: undefined }),
        more: fc.boolean(),
        coherence,
      }),
    )
    .map(
      ([...a]) =>
        (codec) =>
          codec.snapshot(...a),
    ),
  done: fc.oneof(
    id.map((each) => (codec: Codec) => codec.done(each)),
    fc.tuple(id, fc.record({ key, status: key, unsubscribed: count })).map(
      ([...a]) =>
        (codec: Codec) =>
          codec.done(...a),
    ),
  ),
  failed: fc.tuple(fc.option(id, { nil: undefined }), code, key, fc.option(key, { nil: undefined })).map(
    ([id, code, detail, field]) =>
      (codec) =>
        codec.failed(id, new ServiceError(code, detail, field)),
  ),
  update: fc.tuple(key, entry, count, count, fc.option(code, { nil: undefined })).map(
    ([...a]) =>
      (codec) =>
        codec.update(...a),
  ),
  invalidate: fc.tuple(key, reason, count).map(
    ([...a]) =>
      (codec) =>
        codec.invalidate(...a),
  ),
  invalidateMatch: fc.tuple(fc.constantFrom('pattern', 'type'), key, reason).map(
    ([name, text, why]) =>
      (codec) =>
        codec.invalidateMatch({ [name]: text }, why),
  ),
  reset: fc
    .constantFrom<ResetReason>('flush', 'rearmed', 'degraded', 'blind')
    .map((why) => (codec) => codec.reset(why)),
  heartbeat: fc
    .record({ coherence, time: count, epoch: key, offset: count })
    .map((beat) => (codec) => codec.heartbeat(beat)),
};

for (const [kind, frame] of Object.entries(frames)) {
  test(`a frame decodes to the same object in both subprotocols: ${kind}`, () => {
    fc.assert(
      fc.property(frame, (encode) => {
        const text = encode(jsonCodec);
        const bytes = encode(msgpackCodec);
        assert.equal(typeof text, 'string');
        assert.deepEqual(unpackr.unpack(bytes as Uint8Array), JSON.parse(text as string));
      }),
    );
  });
}

test('a request decodes to the same object in both subprotocols, and its value is the bytes that were sent', () => {
  fc.assert(
    fc.property(fc.record({ id, op: key, key, value: plain }, { noNullPrototype: true }), (request) => {
      const text = Buffer.from(JSON.stringify(request));
      const bytes = packr.pack(request);
      const fromJson = jsonCodec.decode(text);
      const fromMsgpack = msgpackCodec.decode(bytes);
      assert.deepEqual(fromJson.data, request);
      const { value: _span, ...members } = fromMsgpack.data;
      const { value: _value, ...sent } = request;
      assert.deepEqual(members, sent);
      const { encoding, body } = fromJson.value()!;
      assert.deepEqual([encoding, body.toString()], ['json', JSON.stringify(request.value)]);
      assert.deepEqual(fromMsgpack.value()?.encoding, 'msgpack');
      assert.deepEqual(bufferOf(fromMsgpack.value()!.body), packr.pack(request.value));
    }),
  );
});

test('keys of any length and type decode unchanged, also when repeated', () => {
  const keys = fc.array(
    fc.oneof(key, fc.string({ unit: 'grapheme', maxLength: 80 }), plain.filter(withoutValue)),
    {
      maxLength: 30,
    },
  );
  fc.assert(
    fc.property(keys, (sent) => {
      const request = { id: 1, op: 'mget', keys: [...sent, ...sent] };
      assert.deepEqual(msgpackCodec.decode(packr.pack(request)).data, JSON.parse(JSON.stringify(request)));
    }),
  );
});

test('a member called __proto__ does not become the prototype of the request', () => {
  const sent = new Map<string, unknown>([
    ['id', 1],
    ['__proto__', { op: 'ping' }],
  ]);
  for (const frame of [
    msgpackCodec.decode(packr.pack(sent)),
    jsonCodec.decode(Buffer.from('{"id":1,"__proto__":{"op":"ping"}}')),
  ])
    assert.equal(frame.data.op, undefined);
});

test('a value keeps its exact spelling, at any place in the frame', () => {
  const spelled = ' { "value" : [ 1.0 , 1e2 ] , "id":1,"op":"set", "key":"a" } ';
  assert.equal(jsonCodec.decode(Buffer.from(spelled)).value()?.body, '[ 1.0 , 1e2 ]');
  assert.equal(jsonCodec.decode(Buffer.from('{"id":1,"value":null}')).value()?.body, 'null');
  assert.equal(jsonCodec.decode(Buffer.from('{"id":1}')).value(), undefined);
  assert.equal(msgpackCodec.decode(pack({ id: 1 })).value(), undefined);
  assert.deepEqual(
    bufferOf(msgpackCodec.decode(pack({ id: 1, value: null })).value()!.body),
    Buffer.from([0xc0]),
  );
});

test('an invalid frame is refused with frame_invalid, and no other error is thrown', () => {
  const refused = (codec: Codec, message: Buffer) =>
    assert.throws(() => codec.decode(message), { name: 'ServiceError', code: 'frame_invalid' });
  for (const text of ['', '{', '[]', '[1]', 'null', '1', '"a"', 'nope', '{"id":1}x'])
    refused(jsonCodec, Buffer.from(text));
  const frame = pack({ id: 1, op: 'ping' });
  for (const bytes of [
    Buffer.alloc(0),
    pack([1]),
    pack(null),
    pack('a'),
    frame.subarray(1),
    Buffer.from([0xc1]),
    // A text that is not valid UTF-8, and an array with a longer length than the frame.
    Buffer.from([0x81, 0xa1, 0x6b, 0xa1, 0xff]),
    Buffer.from([0x81, 0xa1, 0x6b, 0xdd, 0xff, 0xff, 0xff, 0xff, 0xa0]),
  ])
    refused(msgpackCodec, bytes);
  refused(msgpackCodec, frame.subarray(0, -1));
  refused(msgpackCodec, Buffer.concat([frame, Buffer.from([0])]));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const codec of [jsonCodec, msgpackCodec]) {
        try {
          codec.decode(Buffer.from(bytes)).value();
        } catch (error) {
          assert.ok(error instanceof ServiceError, String(error));
        }
      }
    }),
  );
});

/** The codec does not decode a member called `value`. */
function withoutValue(item: unknown): boolean {
  return !JSON.stringify(item).includes('"value"');
}

function hasOddNumber(value: unknown): boolean {
  if (typeof value === 'number')
    return Object.is(value, -0) || (Number.isInteger(value) && !Number.isSafeInteger(value));
  return typeof value === 'object' && value !== null && Object.values(value).some(hasOddNumber);
}
