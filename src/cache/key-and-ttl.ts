import { ServiceError } from '../errors.ts';
import { keyFault } from '../key.ts';

/** The longest time to live that a client may request: ten years. */
export const MAX_TTL_SECONDS = 315_360_000;

/** @throws ServiceError `key_invalid` with the fault of the key */
export function checkKey(key: string, maxKeyBytes: number, field = 'key'): void {
  const fault = keyFault(key, maxKeyBytes);
  if (fault !== undefined) throw new ServiceError('key_invalid', `the key ${fault}`, field);
}

/** Converts a time to live from seconds to milliseconds. @throws ServiceError `ttl_invalid` where it is out of range */
export function ttlMs(seconds: unknown, field: string): number {
  if (typeof seconds !== 'number' || !(seconds >= 0.001 && seconds <= MAX_TTL_SECONDS)) throw ttlFault(field);
  return Math.round(seconds * 1000);
}

/**
 * Rounds a time to live to whole milliseconds, at least one.
 * @throws ServiceError `ttl_invalid` where it is not positive, or is too long
 */
export function wholeTtlMs(ms: number): number {
  if (!(ms > 0 && ms <= MAX_TTL_SECONDS * 1000)) throw ttlFault('ttl');
  return Math.max(1, Math.round(ms));
}

/** @param form a further requirement, which ends the sentence */
export function ttlFault(field: string, form = ''): ServiceError {
  const detail = `a time to live is a number of seconds from 0.001 to ${MAX_TTL_SECONDS}${form}`;
  return new ServiceError('ttl_invalid', detail, field);
}
