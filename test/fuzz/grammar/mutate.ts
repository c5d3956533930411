import { below, pick, type Random } from '../../../loadtest/support/random.ts';
import { oneIn } from './values.ts';

/** Bytes at the edges of encodings and grammars. */
const EDGES = [0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x3a, 0x5c, 0x7f, 0x80, 0xc1, 0xdd, 0xff];

/**
 * A damaged copy: a few bits flipped, bytes replaced, ranges deleted, repeated, moved or cut off, words inserted. A part of
 * the copies is undamaged, because valid inputs reach the deepest.
 * @param words what is inserted, in addition to single bytes
 */
export function mutate(bytes: Buffer, random: Random, words: readonly string[] = []): Buffer {
  if (oneIn(5, random)) return bytes;
  let result = Buffer.from(bytes);
  for (let left = 1 + below(3, random); left > 0; left--) result = damaged(result, random, words);
  return result;
}

function damaged(bytes: Buffer<ArrayBuffer>, random: Random, words: readonly string[]): Buffer<ArrayBuffer> {
  const at = below(bytes.length + 1, random);
  const length = Math.min(1 + below(oneIn(3, random) ? 200 : 4, random), bytes.length - at);
  const range = bytes.subarray(at, at + length);
  switch (below(8, random)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << below(8, random);
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = pick(EDGES, random);
      return bytes;
    case 2:
      return replaced(bytes, at, length, '');
    case 3:
      return replaced(bytes, at, 0, range);
    case 4:
      return replaced(bytes, at, oneIn(2, random) ? length : 0, Buffer.from([pick(EDGES, random)]));
    case 5:
      return bytes.subarray(0, at);
    case 6:
      return replaced(bytes, below(bytes.length + 1, random), 0, range);
    default:
      return replaced(bytes, at, 0, words.length === 0 ? 'a' : pick(words, random));
  }
}

function replaced(bytes: Buffer, at: number, length: number, by: Buffer | string): Buffer<ArrayBuffer> {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(by as string), bytes.subarray(at + length)]);
}
