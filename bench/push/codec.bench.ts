import { Packr, Unpackr } from 'msgpackr';
import { jsonToMsgpack } from '../../src/codec/json-to-msgpack.ts';
import type { Codec, Encoded } from '../../src/push/codec.ts';
import { jsonCodec } from '../../src/push/json-codec.ts';
import { msgpackCodec } from '../../src/push/msgpack-codec.ts';
import { entryOf } from '../support/cache.ts';
import { entries } from '../support/quotes.ts';
import { group, peer, sync } from '../support/suite.ts';

/** A power of two. */
const COUNT = 8192;
const BATCHES = 64;
const now = Date.now();
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

/** Entries that have both encodings at hand, and the values that they stand for. */
function quotes() {
  const { keys, values } = entries(COUNT);
  const held = keys.map((key, i) => entryOf(key, values[i]!, now));
  for (const entry of held) entry.msgpack;
  return { keys, values, held, parsed: values.map((value) => JSON.parse(value)) };
}

const sizeOf = (frame: Encoded): number => frame.length;

export default [
  group('frame: update with its value', () => {
    const { keys, held, parsed } = quotes();
    const at = (i: number) => i & (COUNT - 1);
    const update = (i: number) => {
      const { version } = held[at(i)]!;
      return { event: 'update', key: keys[at(i)]!, version, value: parsed[at(i)] };
    };
    return {
      reference: 'JSON.stringify',
      benchmarks: [
        sync('JSON', (i) => sizeOf(jsonCodec.update(keys[at(i)]!, held[at(i)]!, 0))),
        sync('msgpack', (i) => sizeOf(msgpackCodec.update(keys[at(i)]!, held[at(i)]!, 0))),
        peer(sync('JSON.stringify', (i) => JSON.stringify(update(i)).length)),
        peer(sync('msgpackr', (i) => packr.pack(update(i)).length)),
      ],
    };
  }),
  ...[1, 10, 100].map((size) =>
    group(`frame: answer to an mget of ${size}, a key`, () => {
      const { keys, held, parsed } = quotes();
      const batches = Array.from({ length: BATCHES }, (_, batch) =>
        Array.from({ length: size }, (_, i) => {
          const index = (batch * size + i) & (COUNT - 1);
          return { key: keys[index]!, status: 'hit' as const, entry: held[index]!, value: parsed[index] };
        }),
      );
      const batch = (i: number) => batches[i & (BATCHES - 1)]!;
      const answer = (codec: Codec) => (i: number) => sizeOf(codec.results(i, batch(i), now, 'coherent'));
      const plain = (i: number) => ({
        id: i,
        ok: true,
        results: batch(i).map(({ key, status, entry: { version }, value }) => {
          return { key, status, value, version, ttl: 300 };
        }),
      });
      return {
        reference: 'JSON.stringify',
        benchmarks: [
          sync('JSON', answer(jsonCodec), size),
          sync('msgpack', answer(msgpackCodec), size),
          peer(sync('JSON.stringify', (i) => JSON.stringify(plain(i)).length, size)),
          peer(sync('msgpackr', (i) => packr.pack(plain(i)).length, size)),
        ],
      };
    }),
  ),
  group('frame: a request to decode', () => {
    const { keys, values } = quotes();
    const gets = keys.map((key, id) => Buffer.from(JSON.stringify({ id, op: 'get', key })));
    const sets = keys.map((key, id) =>
      Buffer.from(`{"id":${id},"op":"set","key":${JSON.stringify(key)},"value":${values[id]}}`),
    );
    const packedGets = gets.map((frame) => jsonToMsgpack(frame.toString()));
    const packedSets = sets.map((frame) => jsonToMsgpack(frame.toString()));
    const at = (i: number) => i & (COUNT - 1);
    return {
      reference: 'JSON.parse, get',
      benchmarks: [
        sync('JSON, get', (i) => jsonCodec.decode(gets[at(i)]!).data.id as number),
        sync('JSON, set with its value', (i) => jsonCodec.decode(sets[at(i)]!).value()!.body.length),
        sync('msgpack, get', (i) => msgpackCodec.decode(packedGets[at(i)]!).data.id as number),
        sync(
          'msgpack, set with its value',
          (i) => msgpackCodec.decode(packedSets[at(i)]!).value()!.body.length,
        ),
        peer(sync('JSON.parse, get', (i) => JSON.parse(gets[at(i)]!.toString()).id)),
        peer(sync('msgpackr, get', (i) => unpackr.unpack(packedGets[at(i)]!).id)),
      ],
    };
  }),
];
