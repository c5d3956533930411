/**
 * A `get` of a key without other members, in the order in which the clients send them: `id`, `op`, `key`. Its bytes are
 * compared in place, because decoding the frame costs more than the rest of an L1 hit. Every other frame is decoded.
 */
import { recentString } from '../codec/recent-strings.ts';

export interface PlainGet {
  readonly id: number;
  readonly key: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7d;
const ZERO = 0x30;
/** Every number of so many digits is exact. */
const MOST_DIGITS = 15;

const JSON_ID = Buffer.from('{"id":');
const JSON_GET = Buffer.from(',"op":"get","key":"');

/** Returns the request if the text frame is a plain `get`. A `get` with another order of members is undefined too. */
export function plainGetInJson(frame: Buffer): PlainGet | undefined {
  if (!has(frame, 0, JSON_ID)) return undefined;
  const first = JSON_ID.length;
  let id = 0;
  let at = first;
  for (let digit = frame[at]! - ZERO; digit >= 0 && digit <= 9; digit = frame[++at]! - ZERO)
    id = id * 10 + digit;
  if (at === first || at - first > MOST_DIGITS || (frame[first] === ZERO && at > first + 1)) return undefined;
  if (!has(frame, at, JSON_GET)) return undefined;
  const start = at + JSON_GET.length;
  const end = frame.length - 2;
  if (end <= start || frame[end] !== QUOTE || frame[end + 1] !== BRACE) return undefined;
  for (let i = start; i < end; i++) {
    const byte = frame[i]!;
    if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) return undefined;
  }
  const key = recentString(frame, start, end);
  return key === undefined ? undefined : { id, key };
}

const UINT8 = 0xcc;
const UINT32 = 0xce;
const FIXSTR = 0xa0;
const STR8 = 0xd9;
/** A map of three members, with a size of four bits or of sixteen, and the name of the first. */
const FIXMAP_ID = Buffer.from('\x83\xa2id', 'latin1');
const MAP16_ID = Buffer.from('\xde\0\x03\xa2id', 'latin1');
const MSGPACK_GET = Buffer.from('\xa2op\xa3get\xa3key', 'latin1');

/** Returns the request if the binary frame is a plain `get`. A `get` with another order of members is undefined too. */
export function plainGetInMsgpack(frame: Buffer): PlainGet | undefined {
  const start = frame[0] === MAP16_ID[0] ? MAP16_ID : FIXMAP_ID;
  if (!has(frame, 0, start)) return undefined;
  let at = start.length;
  let id = frame[at++]!;
  if (id >= 0x80) {
    if (id < UINT8 || id > UINT32) return undefined;
    const width = 1 << (id - UINT8);
    if (at + width > frame.length) return undefined;
    id = frame.readUIntBE(at, width);
    at += width;
  }
  if (!has(frame, at, MSGPACK_GET)) return undefined;
  at += MSGPACK_GET.length;
  const head = frame[at++]!;
  const length = head === STR8 ? frame[at++]! : head - FIXSTR;
  if (!(length > 0) || at + length !== frame.length || (head !== STR8 && length > 0x1f)) return undefined;
  const key = recentString(frame, at, frame.length);
  return key === undefined ? undefined : { id, key };
}

function has(frame: Buffer, at: number, expected: Buffer): boolean {
  for (let i = 0; i < expected.length; i++) if (frame[at + i] !== expected[i]) return false;
  return true;
}
