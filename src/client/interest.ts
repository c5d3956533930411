import { typeOf } from './protocol.ts';

/** The keys that a subscription covers: each key by name, of one of the types, or with one of the prefixes. */
export interface Interest {
  readonly keys?: readonly string[];
  readonly types?: readonly string[];
  readonly prefixes?: readonly string[];
}

/** Returns a function that tests whether the interest covers a key. */
export function coverOf({ keys = [], types = [], prefixes = [] }: Interest): (key: string) => boolean {
  const names = new Set(keys);
  const known = new Set(types);
  return (key) =>
    names.has(key) || known.has(typeOf(key)) || prefixes.some((prefix) => key.startsWith(prefix));
}

/**
 * Returns a function that is true for every key that an event with a type or glob covers, and perhaps for others: of a
 * glob it compares the text before the first special character.
 */
export function mayMatch({
  type,
  pattern = '',
}: {
  type?: string;
  pattern?: string;
}): (key: string) => boolean {
  if (type !== undefined) return (key) => typeOf(key) === type;
  const literal = /^[^*?[\\]*/.exec(pattern)![0];
  return (key) => key.startsWith(literal);
}
