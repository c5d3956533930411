/**
 * Strings that requests repeat, such as keys, found by their bytes. Decoding the bytes again would make a new string, and
 * V8 would hash it again for every map lookup: together two thirds of the cost of a key in a batch.
 *
 * The table has a fixed number of slots. A string replaces another one in its slot, so clients cannot make it grow.
 */

const SLOT_BITS = 14;
const SLOTS = 1 << SLOT_BITS;
const MOST_BYTES = 64;

/** The string of each slot. */
let texts: (string | undefined)[] = [];
/** The bytes of these strings. Comparing bytes with bytes takes half the time of comparing them with a string. */
let bytesOf = new Uint8Array(0);

/** Returns the text of these bytes; undefined where they are not ASCII, or more than 64. */
export function recentString(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start > MOST_BYTES) return undefined;
  const slot = slotOf(bytes, start, end);
  const text = texts[slot];
  return text !== undefined && isIn(slot, text.length, bytes, start, end)
    ? text
    : remember(slot, bytes, start, end);
}

function slotOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start;
  let i = start;
  // Four bytes at a time: each multiplication waits for the one before.
  for (; i + 4 <= end; i += 4) {
    const four = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    hash = Math.imul(hash ^ four, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x9e3779b1);
  return hash >>> (32 - SLOT_BITS);
}

function isIn(slot: number, length: number, bytes: Buffer, start: number, end: number): boolean {
  if (length !== end - start) return false;
  const from = slot * MOST_BYTES;
  for (let i = 0; i < length; i++) if (bytesOf[from + i] !== bytes[start + i]) return false;
  return true;
}

function remember(slot: number, bytes: Buffer, start: number, end: number): string | undefined {
  for (let i = start; i < end; i++) if (bytes[i]! >= 0x80) return undefined;
  // Not before the first key: the binary starts from a snapshot of the heap, which should not contain the table.
  if (texts.length === 0) {
    texts = new Array(SLOTS).fill(undefined);
    bytesOf = new Uint8Array(SLOTS * MOST_BYTES);
  }
  const text = bytes.toString('latin1', start, end);
  texts[slot] = text;
  bytesOf.set(bytes.subarray(start, end), slot * MOST_BYTES);
  return text;
}
