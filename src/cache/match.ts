import { TYPES, type TypeIndex, typeOf } from '../key.ts';

/** A set of keys: all keys of a type, or all keys that match a glob. */
export type Match = { readonly type: TypeIndex } | { readonly pattern: string };

export const EVERYTHING: Match = { pattern: '*' };

/** Returns a glob that finds all keys of a match. For the type `other` it finds every key; filter with `matcher`. */
export function globOf(match: Match): string {
  if ('pattern' in match) return match.pattern;
  const name = TYPES[match.type]!;
  return name === 'other' ? '*' : `${name}:*`;
}

/** Returns a function that tests whether a key matches. */
export function matcher(match: Match): (key: string) => boolean {
  if ('type' in match) return (key) => typeOf(key) === match.type;
  if (match.pattern === '*') return () => true;
  const pattern = byteString(match.pattern);
  return (key) => fits(pattern, byteString(key));
}

/** Returns the UTF-8 of a text as a string with one character for each byte. */
function byteString(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1');
}

/**
 * Returns whether a Redis glob (`*`, `?`, `[a-c]`, `[^x]`, `\` to escape) matches the whole text. Odd patterns mean the
 * same as in Redis: an unclosed class ends with the pattern, `[z-a]` means `[a-z]`, and `?` is one byte of UTF-8. It
 * must match every key that Redis matches, or L1 would keep entries that Redis deleted.
 *
 * It backtracks only to the last star, so the cost is at most the length of the pattern times that of the text.
 */
function fits(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let starP = -1;
  let starT = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      starP = ++p;
      starT = t;
      continue;
    }
    const next = p < pattern.length ? fitOne(pattern, p, text.charCodeAt(t)) : -1;
    if (next >= 0) {
      p = next;
      t++;
    } else if (starP >= 0) {
      p = starP;
      t = ++starT;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Returns the position after the pattern's element at `p` if the element matches `code`, else -1. */
function fitOne(pattern: string, p: number, code: number): number {
  switch (pattern[p]) {
    case '?':
      return p + 1;
    case '[':
      return fitClass(pattern, p + 1, code);
    case '\\':
      if (p + 1 < pattern.length) p++;
  }
  return pattern.charCodeAt(p) === code ? p + 1 : -1;
}

function fitClass(pattern: string, p: number, code: number): number {
  const negated = pattern[p] === '^';
  if (negated) p++;
  let found = false;
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
    if (code >= low && code <= high) found = true;
    p++;
  }
  if (found === negated) return -1;
  return Math.min(p + 1, pattern.length);
}
