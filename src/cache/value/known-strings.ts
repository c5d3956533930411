import { decodeUtf8 } from './msgpack-read.ts';

/** Where keys of one type differ. */
const HASHED_BYTES = 8;

/**
 * ASCII strings that were read lately, found by their bytes: who reads the same bytes again gets the same string. It
 * need not be made, and a `Map` need not hash it. Of strings that meet in a slot the last one is kept. For short ones:
 * each time all of it is compared.
 */
export class KnownStrings {
  readonly #slots: string[];
  readonly #mask: number;

  /** @param slots how many are kept at most, a power of two */
  constructor(slots: number) {
    this.#slots = new Array(slots).fill('');
    this.#mask = slots - 1;
  }

  /** The text of these bytes; undefined when they are not UTF-8. */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    const length = end - start;
    if (length === 0) return '';
    let hash = Math.imul(length, 7919) + bytes[start]!;
    for (let i = Math.max(start, end - HASHED_BYTES); i < end; i++)
      hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    const known = this.#slots[slot]!;
    if (known.length === length && isTextOf(known, bytes, start)) return known;
    const text = decodeUtf8(bytes, start, end);
    // Only of ASCII is there a character for each byte.
    if (text?.length === length) this.#slots[slot] = text;
    return text;
  }
}

function isTextOf(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
