import { Unpackr } from 'msgpackr';
import * as read from './msgpack-read.ts';

const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });

/** What msgpackr reads where bytes are not UTF-8: it makes one key of two. */
const REPLACEMENT = '\ufffd';

/** Of an entry or a frame: it is not used as it is decoded here, and may hold whatever msgpack does. */
const VALUE = 'value';

/**
 * What a request says that is written in msgpack.
 * @throws Malformed where these are not the bytes of exactly one object, or a text beside the values is not UTF-8;
 *   Error where msgpackr cannot decode it
 */
export function unpackRequest(bytes: Buffer): unknown {
  read.validateMsgpack(bytes);
  const data: unknown = unpackr.unpack(bytes);
  if (holdsReplacement(data)) checkTexts(bytes, 0);
  return data;
}

function holdsReplacement(data: unknown): boolean {
  if (typeof data === 'string') return data.includes(REPLACEMENT);
  if (typeof data !== 'object' || data === null) return false;
  if (Array.isArray(data)) return data.some(holdsReplacement);
  for (const name in data)
    if (name !== VALUE && holdsReplacement((data as Record<string, unknown>)[name])) return true;
  return false;
}

function checkTexts(bytes: Buffer, at: number): void {
  switch (read.kindAt(bytes, at)) {
    case 'str':
      read.readString(bytes, at);
      return;
    case 'array':
      for (const [start] of read.elements(bytes, at)) checkTexts(bytes, start);
      return;
    case 'map':
      for (const [name, start] of read.members(bytes, at)) if (name !== VALUE) checkTexts(bytes, start);
  }
}
