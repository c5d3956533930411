/** The msgpack encoding, in a module of its own, so that programs that use JSON do not load it. */
import { Packr, Unpackr } from 'msgpackr';
import type { Codec } from './codec.ts';

const packr = new Packr({ useRecords: false });
// Integers beyond 2^53 become bigint, because a number would lose digits.
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'auto' as 'bigint' });

export const msgpack: Codec = {
  subprotocol: 'ratecache.v1.msgpack',
  mediaType: 'application/vnd.msgpack',
  encode: (data) => Uint8Array.from(packr.pack(data)),
  decode: (data) => unpackr.unpack(data as Uint8Array),
};
