/**
 * Globs of Redis: `*`, `?`, `[a-c]`, `[^x]`, and `\` to escape. Odd patterns mean the same as in Redis: an unclosed class
 * ends with the pattern, `[z-a]` means `[a-z]`, and `?` is one byte of UTF-8. A glob must match every key that Redis
 * matches, or L1 would keep entries that Redis deleted.
 */

/** The bytes that one element of a pattern accepts: one byte by its code, or a table by code. */
type Element = number | Uint8Array;

const ANY = new Uint8Array(256).fill(1);

/** Parses a pattern to the elements between its stars. `a*b?` becomes `[[a], [b, ?]]`. */
function parse(pattern: string): Element[][] {
  const parts: Element[][] = [[]];
  let p = 0;
  while (p < pattern.length) {
    const character = pattern[p]!;
    if (character === '*') {
      parts.push([]);
      p++;
    } else if (character === '[') {
      const [accepted, next] = parseClass(pattern, p + 1);
      parts.at(-1)!.push(accepted);
      p = next;
    } else if (character === '?') {
      parts.at(-1)!.push(ANY);
      p++;
    } else {
      // A backslash at the end of the pattern stands for itself.
      if (character === '\\' && p + 1 < pattern.length) p++;
      parts.at(-1)!.push(pattern.charCodeAt(p));
      p++;
    }
  }
  return parts;
}

/** @param start the position after the opening bracket */
function parseClass(pattern: string, start: number): [accepted: Uint8Array, next: number] {
  let p = start;
  const negated = pattern[p] === '^';
  if (negated) p++;
  const accepted = new Uint8Array(256);
  while (p < pattern.length && pattern[p] !== ']') {
    const escaped = pattern[p] === '\\' && p + 1 < pattern.length;
    if (escaped) p++;
    let low = pattern.charCodeAt(p);
    let high = low;
    if (!escaped && pattern[p + 1] === '-' && p + 2 < pattern.length) {
      high = pattern.charCodeAt(p + 2);
      if (low > high) [low, high] = [high, low];
      p += 2;
    }
    accepted.fill(1, low, high + 1);
    p++;
  }
  if (negated) for (let code = 0; code < 256; code++) accepted[code]! ^= 1;
  return [accepted, Math.min(p + 1, pattern.length)];
}

/** Whether the text has these elements from `at` on. */
function fitsAt(elements: readonly Element[], text: string, at: number): boolean {
  for (let i = 0; i < elements.length; i++) {
    const element = elements[i]!;
    const code = text.charCodeAt(at + i);
    if (typeof element === 'number' ? element !== code : element[code] !== 1) return false;
  }
  return true;
}

/**
 * Finds elements in a text with the algorithm Shift-And: bit `i` of the state is set while the last `i + 1` bytes fit the
 * first `i + 1` elements. So each byte costs one step for 32 elements, whatever the pattern and the text are.
 */
class Searcher {
  readonly #words: number;
  /** For each byte, one bit for each element that accepts it. */
  readonly #accepting: Int32Array;
  readonly #state: Int32Array;
  readonly #lastBit: number;

  constructor(elements: readonly Element[]) {
    const words = Math.ceil(elements.length / 32);
    this.#words = words;
    this.#accepting = new Int32Array(256 * words);
    this.#state = new Int32Array(words);
    this.#lastBit = 1 << ((elements.length - 1) & 31);
    for (const [i, element] of elements.entries()) {
      const accepts =
        typeof element === 'number'
          ? (code: number) => code === element
          : (code: number) => element[code] === 1;
      for (let code = 0; code < 256; code++)
        if (accepts(code)) this.#accepting[code * words + (i >> 5)]! |= 1 << (i & 31);
    }
  }

  /** Returns the position after the first place from `from` on that fits and ends at `to` or before it, else -1. */
  endOf(text: string, from: number, to: number): number {
    const words = this.#words;
    const state = this.#state.fill(0);
    const accepting = this.#accepting;
    for (let at = from; at < to; at++) {
      const row = text.charCodeAt(at) * words;
      let carry = 1;
      for (let word = 0; word < words; word++) {
        const before = state[word]!;
        state[word] = ((before << 1) | carry) & accepting[row + word]!;
        carry = before >>> 31;
      }
      if ((state[words - 1]! & this.#lastBit) !== 0) return at + 1;
    }
    return -1;
  }
}

/**
 * Returns a function that tests whether a whole text matches the pattern. A test takes at most one step for each byte of
 * the text and 32 bytes of the pattern.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const [head, ...others] = parse(byteString(pattern)) as [Element[], ...Element[][]];
  const tail = others.pop();
  if (tail === undefined)
    return (text) => {
      const bytes = byteString(text);
      return bytes.length === head.length && fitsAt(head, bytes, 0);
    };
  const searchers = others.filter(({ length }) => length > 0).map((elements) => new Searcher(elements));
  return (text) => {
    const bytes = byteString(text);
    const end = bytes.length - tail.length;
    let at = head.length;
    if (end < at || !fitsAt(head, bytes, 0) || !fitsAt(tail, bytes, end)) return false;
    for (const searcher of searchers) {
      at = searcher.endOf(bytes, at, end);
      if (at === -1) return false;
    }
    return true;
  };
}

/** Returns the number of runs of stars in a pattern. */
export function starsIn(pattern: string): number {
  const parts = parse(byteString(pattern));
  return parts.slice(1).filter((part, i) => part.length > 0 || i === parts.length - 2).length;
}

/** Returns the text before the first `*`, `?` or `[`, with escapes removed, and whether it is the whole pattern. */
export function literalHead(pattern: string): { readonly head: string; readonly whole: boolean } {
  let head = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!;
    if (character === '*' || character === '?' || character === '[') return { head, whole: false };
    if (character === '\\' && i + 1 < pattern.length) i++;
    head += pattern[i];
  }
  return { head, whole: true };
}

/** Returns a glob that matches only this text. */
export function literally(text: string): string {
  return text.replace(/[*?[\\]/g, '\\$&');
}

/** Returns the UTF-8 of a text as a string with one character for each byte. */
function byteString(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1');
}
