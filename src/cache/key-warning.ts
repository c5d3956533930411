import { distance } from 'fastest-levenshtein';
import { OTHER, TYPES, type TypeName, typeOf } from '../key.ts';

const NAMED: readonly TypeName[] = TYPES.filter((name) => name !== 'other');

/**
 * What the answer to a write warns of, where the type of its key is probably misspelt: such a value lives as long as a
 * `calculation`, and no reader of the type it was meant for finds it. Undefined for any other key. The write is made all
 * the same, since keys of any type are allowed.
 */
export function keyWarning(key: string): string | undefined {
  const meant = meantType(key);
  return meant === undefined ? undefined : `suspicious_key_type; nearest=${meant}`;
}

/** The known type that the type of this key is one edit away from, in any case of letters. */
function meantType(key: string): TypeName | undefined {
  if (typeOf(key) !== OTHER) return undefined;
  const length = key.indexOf(':');
  const near = NAMED.filter((name) => Math.abs(name.length - length) <= 1);
  if (near.length === 0) return undefined;
  const type = key.slice(0, length).toLowerCase();
  return near.find((name) => distance(name, type) <= 1);
}
