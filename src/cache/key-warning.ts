import { distance } from 'fastest-levenshtein';
import { OTHER, TYPES, type TypeName, typeOf } from '../key.ts';

const NAMED: readonly TypeName[] = TYPES.filter((name) => name !== 'other');

/**
 * Returns the warning for a write whose key type is probably misspelt, else undefined. Such a value gets the TTL of
 * a `calculation`, and readers of the intended type do not find it. The write is made, since any type is allowed.
 */
export function keyWarning(key: string): string | undefined {
  const type = intendedType(key);
  return type === undefined ? undefined : `suspicious_key_type; nearest=${type}`;
}

/** Returns the known type that differs from the type of this key by one edit, ignoring case. */
function intendedType(key: string): TypeName | undefined {
  if (typeOf(key) !== OTHER) return undefined;
  const length = key.indexOf(':');
  const near = NAMED.filter((name) => Math.abs(name.length - length) <= 1);
  if (near.length === 0) return undefined;
  const type = key.slice(0, length).toLowerCase();
  return near.find((name) => distance(name, type) <= 1);
}
