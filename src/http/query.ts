import { unknownName } from '../cache/unknown-names.ts';
import { ServiceError } from '../errors.ts';

const NONE: ReadonlyMap<string, string> = new Map();
const NO_PARAMETERS: ReadonlySet<string> = new Set();

/**
 * Decodes the parameters of a query string.
 * @throws ServiceError `query_invalid` for an unknown or repeated parameter, or a broken encoding
 */
export function parametersOf(query: string, known: ReadonlySet<string>): ReadonlyMap<string, string> {
  if (!query) return NONE;
  const found = new Map<string, string>();
  for (const [name, value] of decodedPairs(query)) {
    if (!known.has(name)) throw unknownName('parameter', name, known, 'query_invalid');
    if (found.has(name))
      throw new ServiceError('query_invalid', `the parameter "${name}" is repeated; send it once`, name);
    found.set(name, value);
  }
  return found;
}

/**
 * The names and values of a query string. `URLSearchParams` would replace what is not UTF-8, and so name another key.
 * @throws ServiceError `query_invalid` for a broken encoding
 */
export function* decodedPairs(query: string): Generator<readonly [name: string, value: string]> {
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const end = at === -1 ? pair.length : at;
    const name = decoded(pair.slice(0, end));
    if (name === undefined)
      throw new ServiceError('query_invalid', 'the name of a parameter is not percent-encoded UTF-8');
    const value = decoded(pair.slice(end + 1));
    if (value === undefined)
      throw new ServiceError('query_invalid', `the parameter "${name}" is not percent-encoded UTF-8`, name);
    yield [name, value];
  }
}

/** Returns undefined for a broken encoding. */
function decoded(text: string): string | undefined {
  // uWS replaces bytes that are not UTF-8 by this character.
  if (text.includes('\ufffd')) return undefined;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** @throws ServiceError `query_invalid` for any parameter */
export function checkNoParameters(query: string): void {
  parametersOf(query, NO_PARAMETERS);
}
