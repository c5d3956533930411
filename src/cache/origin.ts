import { ServiceError } from '../errors.ts';

/** When the data of a value is from, and who supplied it. It describes the value, and is never part of it. */
export interface Origin {
  /** In ms since 1970. */
  readonly asOf: number | undefined;
  readonly source: string | undefined;
}

/** The name of a source fits into a path, a header line and a JSON string without escapes. */
const SOURCE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The clocks of a writer and of the service may differ by this much. */
const FUTURE_MS = 60_000;

/** The start of the year 10000, which neither an HTTP date nor ISO 8601 can express. */
const END_OF_TIME = 253_402_300_800_000;

// The rows of a sheet have one origin, so their entries share one object.
let last: Origin = { asOf: undefined, source: undefined };

/** Returns the origin with these members, or undefined if it has none. */
export function originOf(asOf: number | undefined, source: string | undefined): Origin | undefined {
  if (asOf === undefined && source === undefined) return undefined;
  if (last.asOf !== asOf || last.source !== source) last = { asOf, source };
  return last;
}

export function isSource(name: string): boolean {
  return SOURCE.test(name);
}

/** Whether the number can be an `asOf`: whole ms after the start of 1970 and before the year 10000. */
export function isInstant(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms > 0 && ms < END_OF_TIME;
}

/**
 * Checks the origin of a write.
 * @param now in ms since 1970
 * @throws ServiceError `origin_invalid`
 */
export function checkOrigin(asOf: number | undefined, source: unknown, now: number): Origin | undefined {
  if (asOf !== undefined && asOf > now + FUTURE_MS)
    throw originFault('asOf', `${new Date(asOf).toISOString()} is more than a minute in the future`);
  if (source !== undefined && (typeof source !== 'string' || !isSource(source)))
    throw originFault(
      'source',
      'a source is a name of 1 to 64 letters, digits, dots, hyphens and underscores; the first is a letter or digit',
    );
  return originOf(asOf, source);
}

/** Checks the members `asOf` and `source` of a batch item or frame. @throws ServiceError `origin_invalid` */
export function originFrom(asOf: unknown, source: unknown, now: number): Origin | undefined {
  if (asOf !== undefined && (typeof asOf !== 'number' || !isInstant(asOf)))
    throw originFault('asOf', 'asOf is a whole number of milliseconds since 1970');
  return checkOrigin(asOf, source, now);
}

export function originFault(field: string, detail: string): ServiceError {
  return new ServiceError('origin_invalid', detail, field);
}
