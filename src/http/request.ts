import { ttlFault, ttlMs } from '../cache/check.ts';
import { ServiceError } from '../errors.ts';
import type { HttpRequest } from '../uws.ts';

export const CACHE_PATH = '/v1/cache/';
/** A key without a slash, which is the usual case, and any other. */
export const CACHE_ROUTES = [`${CACHE_PATH}:key`, `${CACHE_PATH}*`] as const;

/** The key in the path, as it stands there. What uWS has found already costs less than to cut it out. */
export function encodedKeyOf(req: HttpRequest): string {
  return req.getParameter(0) || req.getUrl().slice(CACHE_PATH.length);
}

/**
 * The key that a path names: what follows `/v1/cache/`, percent-decoded.
 * @throws ServiceError `key_invalid` where the encoding is broken
 */
export function keyFromPath(encoded: string): string {
  try {
    // What uWS reads where bytes are not UTF-8. A key that holds this very character has it percent-encoded.
    if (!encoded.includes('\ufffd')) return decodeURIComponent(encoded);
  } catch {
    // Told below.
  }
  throw new ServiceError('key_invalid', 'the key in the path is not percent-encoded UTF-8', 'key');
}

const TTL = /^\d{1,9}(\.\d{1,3})?$/;

/**
 * A time to live from a query, in seconds with at most three decimals; milliseconds, or undefined for none.
 * @throws ServiceError `ttl_invalid`
 */
export function ttlFromQuery(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!TTL.test(text)) throw ttlFault('ttl', ', in digits with at most three decimals');
  return ttlMs(Number(text), 'ttl');
}

/** Whether an `If-None-Match` header names the version: by the weak comparison, as reads have it. */
export function namesVersion(ifNoneMatch: string, version: string): boolean {
  return ifNoneMatch.trim() === '*' || ifNoneMatch.includes(`"${version}"`);
}
