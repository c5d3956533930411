/** Refuses unknown members and parameters of a request: a misspelt condition must not overwrite a value. */
import { type ErrorCode, ServiceError } from '../errors.ts';
import { nearestName } from './nearest-name.ts';

/** An error shows this many characters of an unknown name, which may be as long as a whole body. */
const MOST_SHOWN = 40;

/**
 * Checks the names of an object's members.
 * @param within the path before the name in the error's `field`, such as `entries[3].`
 * @throws ServiceError with `code` for an unknown name
 */
export function checkMembers(object: object, known: ReadonlySet<string>, code: ErrorCode, within = ''): void {
  for (const name in object) if (!known.has(name)) throw unknownName('member', name, known, code, within);
}

/** Returns the error for an unknown name. It suggests the nearest known name, or lists all where none is near. */
export function unknownName(
  what: 'member' | 'parameter',
  name: string,
  known: ReadonlySet<string>,
  code: ErrorCode,
  within = '',
): ServiceError {
  const shown = name.length > MOST_SHOWN ? `${name.slice(0, MOST_SHOWN)}…` : name;
  const near = nearestName(name, known);
  const hint = near === undefined ? allOf(what, known) : `did you mean "${near}"?`;
  return new ServiceError(code, `unknown ${what} "${shown}"; ${hint}`.toWellFormed(), within + shown);
}

function allOf(what: string, known: ReadonlySet<string>): string {
  if (known.size === 0) return `this request takes no ${what}s`;
  return `the known ${what}s are ${[...known].join(', ')}`;
}
