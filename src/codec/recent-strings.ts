/**
 * Strings that requests repeat, such as keys, found by their bytes. Decoding the bytes again would make a new string, and
 * V8 would hash it again for every map lookup: together two thirds of the cost of a key in a batch.
 *
 * The table has a fixed number of slots. A string replaces another one in its slot, so clients cannot make it grow.
 */

/** It must be a power of two. */
const SLOTS = 16_384;
const SLOT_BITS = 14;
const MOST_CHARACTERS = 64;

const recent: (string | undefined)[] = new Array(SLOTS).fill(undefined);

/** Returns the text of these bytes; undefined where they are not ASCII, or more than 64. */
export function recentString(bytes: Buffer, start: number, end: number): string | undefined {
  const length = end - start;
  if (length > MOST_CHARACTERS) return undefined;
  let hash = length;
  let bits = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    bits |= byte;
    hash = Math.imul(hash, 31) + byte;
  }
  if (bits >= 0x80) return undefined;
  // The multiplication spreads all bits of the hash to the upper ones, which select the slot.
  const slot = Math.imul(hash, 0x9e3779b1) >>> (32 - SLOT_BITS);
  const known = recent[slot];
  if (known !== undefined && isTextOf(known, bytes, start, length)) return known;
  const text = bytes.toString('latin1', start, end);
  recent[slot] = text;
  return text;
}

function isTextOf(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
