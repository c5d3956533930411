import { ttlFault, ttlMs } from '../cache/key-and-ttl.ts';
import { ServiceError } from '../errors.ts';
import type { HttpRequest } from '../uws.ts';

export const CACHE_PATH = '/v1/cache/';
/** The first route matches keys without a slash, which is the usual case; the second matches all keys. */
export const CACHE_ROUTES = [`${CACHE_PATH}:key`, `${CACHE_PATH}*`] as const;

/** The key in the path, still percent-encoded. The parameter that uWS has parsed is cheaper than a slice of the URL. */
export function encodedKeyOf(req: HttpRequest): string {
  return req.getParameter(0) || req.getUrl().slice(CACHE_PATH.length);
}

/**
 * The key of a path: the part after `/v1/cache/`, percent-decoded.
 * @throws ServiceError `key_invalid` if the encoding is broken
 */
export function keyFromPath(encoded: string): string {
  try {
    // uWS replaces bytes that are not UTF-8 by this character. A key with this character contains it percent-encoded.
    if (!encoded.includes('\ufffd')) return decodeURIComponent(encoded);
  } catch {
    // The error below covers this case too.
  }
  throw new ServiceError('key_invalid', 'the key in the path is not percent-encoded UTF-8', 'key');
}

const TTL = /^\d{1,9}(\.\d{1,3})?$/;

/**
 * Converts a TTL of a query, in seconds with at most three decimals, to milliseconds; undefined without a TTL.
 * @throws ServiceError `ttl_invalid`
 */
export function ttlFromQuery(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!TTL.test(text)) throw ttlFault('ttl', ', in digits with at most three decimals');
  return ttlMs(Number(text), 'ttl');
}
