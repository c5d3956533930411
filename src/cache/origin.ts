import { ServiceError } from '../errors.ts';

/** When the data of a value is from, who supplied it, and whether its writer doubts it. It is never part of the value. */
export interface Origin {
  /** In ms since 1970. */
  readonly asOf: number | undefined;
  readonly source: string | undefined;
  /** Set where the writer called the value suspect. */
  readonly suspect?: true | undefined;
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
export function originOf(
  asOf: number | undefined,
  source: string | undefined,
  suspect?: true | undefined,
): Origin | undefined {
  if (asOf === undefined && source === undefined && suspect === undefined) return undefined;
  if (last.asOf !== asOf || last.source !== source || last.suspect !== suspect)
    last = suspect === undefined ? { asOf, source } : { asOf, source, suspect };
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
export function checkOrigin(
  asOf: number | undefined,
  source: unknown,
  now: number,
  suspect?: true | undefined,
): Origin | undefined {
  if (asOf !== undefined && asOf > now + FUTURE_MS)
    throw originFault('asOf', `${new Date(asOf).toISOString()} is more than a minute in the future`);
  if (source !== undefined && (typeof source !== 'string' || !isSource(source)))
    throw originFault(
      'source',
      'a source is a name of 1 to 64 letters, digits, dots, hyphens and underscores; the first is a letter or digit',
    );
  return originOf(asOf, source, suspect);
}

/** The members of a write that describe the value. */
export interface OriginMembers {
  readonly asOf?: unknown;
  readonly source?: unknown;
  readonly suspect?: unknown;
}

/** Checks the origin in a batch item or frame. @throws ServiceError `origin_invalid` */
export function originFrom({ asOf, source, suspect }: OriginMembers, now: number): Origin | undefined {
  if (asOf !== undefined && (typeof asOf !== 'number' || !isInstant(asOf)))
    throw originFault('asOf', 'asOf is a whole number of milliseconds since 1970');
  if (suspect !== undefined && suspect !== true)
    throw originFault('suspect', 'suspect must be true or absent');
  return checkOrigin(asOf, source, now, suspect);
}

export function originFault(field: string, detail: string): ServiceError {
  return new ServiceError('origin_invalid', detail, field);
}
