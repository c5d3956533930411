import { unknownName } from '../cache/unknown-names.ts';
import { ServiceError } from '../errors.ts';

const NONE: ReadonlyMap<string, string> = new Map();
const NO_PARAMETERS: ReadonlySet<string> = new Set();

/**
 * Decodes the parameters of a query string.
 * @throws ServiceError `query_invalid` for an unknown or repeated parameter
 */
export function parametersOf(query: string, known: ReadonlySet<string>): ReadonlyMap<string, string> {
  if (!query) return NONE;
  const found = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!known.has(name)) throw unknownName('parameter', name, known, 'query_invalid');
    if (found.has(name))
      throw new ServiceError('query_invalid', `the parameter "${name}" is repeated; send it once`, name);
    found.set(name, value);
  }
  return found;
}

/** @throws ServiceError `query_invalid` for any parameter */
export function checkNoParameters(query: string): void {
  parametersOf(query, NO_PARAMETERS);
}
