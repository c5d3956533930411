import { TYPES, type TypeIndex, typeOf } from '../key.ts';

/** Which keys are meant: all those of a type, or all those that a glob fits. */
export type Match = { readonly type: TypeIndex } | { readonly pattern: string };

export const EVERYTHING: Match = { pattern: '*' };

/** The glob that finds the keys of a match; for `other`, which has none, every key, to be filtered. */
export function globOf(match: Match): string {
  if ('pattern' in match) return match.pattern;
  const name = TYPES[match.type]!;
  return name === 'other' ? '*' : `${name}:*`;
}

/** A function that says whether a key is meant. */
export function matcher(match: Match): (key: string) => boolean {
  if ('type' in match) return (key) => typeOf(key) === match.type;
  if (match.pattern === '*') return () => true;
  const pattern = byteString(match.pattern);
  return (key) => fits(pattern, byteString(key));
}

/**
 * Whether a glob in Redis's dialect (`*`, `?`, `[a-c]`, `[^x]`, `\` to escape) fits the whole text, with
 * Redis's reading of odd patterns: an unclosed class runs to the end of the pattern, `[z-a]` means `[a-z]`, and
 * `?` is one byte of UTF-8. It must not fit less than in Redis, or L1 would keep what was deleted there.
 */
export function globMatches(pattern: string, text: string): boolean {
  return fits(byteString(pattern), byteString(text));
}

/** The UTF-8 of a text, one character a byte. */
function byteString(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1');
}

/** Goes back only to the last star, so no pattern costs more than pattern times text. */
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

/** The position after the pattern's element at `p` if it fits `code`, else -1. */
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
