/** The keys, types and prefixes in the body of a request about sources or marks. */
import * as v from 'valibot';
import { allowsKey, allowsPrefix, allowsType, type Principal } from '../access/principal.ts';
import { namesOf, type Selection } from '../cache/quality/selection.ts';
import { ServiceError } from '../errors.ts';
import { keyFault, TYPES, typeIndex } from '../key.ts';

/** The most names in one selection. */
export const MOST_SELECTED = 1000;

/** Members and elements of a body. */
export const MOST_ITEMS = 2 * MOST_SELECTED;

export const SELECTION = {
  keys: v.optional(v.array(v.string()), []),
  types: v.optional(v.array(v.picklist(TYPES)), []),
  prefixes: v.optional(v.array(v.string()), []),
};

interface Names {
  readonly keys: readonly string[];
  readonly types: readonly (typeof TYPES)[number][];
  readonly prefixes: readonly string[];
}

/** @throws ServiceError `quality_invalid` or `key_invalid` */
export function selectionOf({ keys, types, prefixes }: Names, maxKeyBytes: number): Selection {
  const selection = { keys, types: types.map((name) => typeIndex(name)!), prefixes };
  const names = namesOf(selection);
  if (names === 0 || names > MOST_SELECTED)
    throw new ServiceError(
      'quality_invalid',
      `expected 1 to ${MOST_SELECTED} keys, types and prefixes, and received ${names}`,
      'body',
    );
  for (const [field, list] of Object.entries({ keys, prefixes }))
    for (const [i, name] of list.entries()) {
      const fault = keyFault(name, maxKeyBytes);
      const what = field === 'keys' ? 'key' : 'prefix';
      if (fault !== undefined)
        throw new ServiceError('key_invalid', `the ${what} ${fault}`, `${field}[${i}]`);
    }
  return selection;
}

/** The members of a selection in an answer. */
export function selectionView({ keys, types, prefixes }: Selection) {
  return { keys, types: types.map((type) => TYPES[type]!), prefixes };
}

/** Whether the client may use every key of the selection. */
export function maySee(principal: Principal | undefined, { keys, types, prefixes }: Selection): boolean {
  if (principal === undefined) return true;
  return (
    keys.every((key) => allowsKey(principal, key)) &&
    types.every((type) => allowsType(principal, type)) &&
    prefixes.every((prefix) => allowsPrefix(principal, prefix))
  );
}
