import { TYPES, type TypeIndex, typeOf } from '../key.ts';
import { globMatcher, literalHead, literally } from './glob.ts';

/** A set of keys: all keys of a type, or all keys that match a glob. */
export type Match = { readonly type: TypeIndex } | { readonly pattern: string };

export const EVERYTHING: Match = { pattern: '*' };

/**
 * Returns a glob that finds at least all keys of a match; filter them with `matcher`. It has at most one star, at its
 * end. For other patterns Redis may take the length of the pattern times that of a key, and all clients wait meanwhile.
 */
export function globOf(match: Match): string {
  if ('pattern' in match) {
    const { head, whole } = literalHead(match.pattern);
    return whole ? literally(head) : `${literally(head)}*`;
  }
  const name = TYPES[match.type]!;
  return name === 'other' ? '*' : `${name}:*`;
}

/** Returns a function that tests whether a key matches. */
export function matcher(match: Match): (key: string) => boolean {
  if ('type' in match) return (key) => typeOf(key) === match.type;
  if (match.pattern === '*') return () => true;
  return globMatcher(match.pattern);
}
