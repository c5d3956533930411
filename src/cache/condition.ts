import { type Origin, originFault } from './origin.ts';
import { isForeign, type Version } from './version.ts';

/**
 * A precondition of a write or a delete on the current value of the key:
 * - `if-version`: the value has one of these versions;
 * - `if-exists`: the key has a value;
 * - `if-absent`: the key has no value;
 * - `unless-version`: the key has no value, or a value with another version;
 * - `if-older`: the key has no value, or a value with a lower version. With `unlessForeign` a value of another program
 *   also refuses the change, because its version does not show its age. With `asOf` it is also refused as by
 *   `unless-newer`;
 * - `unless-newer`: the key has no value, or a value whose data is not from a later time than `asOf`. A value whose
 *   writer did not say when its data is from never refuses the change.
 */
export type Condition =
  | { readonly is: 'if-version' | 'unless-version'; readonly versions: readonly Version[] }
  | { readonly is: 'if-exists' | 'if-absent' }
  | { readonly is: 'unless-newer'; readonly asOf: number }
  | {
      readonly is: 'if-older';
      readonly version: Version;
      readonly unlessForeign?: boolean;
      readonly asOf?: number | undefined;
    };

/** What a condition compares: an entry, or the part of it that is known. */
export interface Present {
  readonly version: Version;
  readonly origin?: Origin | undefined;
}

/** Returns whether the condition holds for the current value; `present` is undefined where the key has no value. */
export function holds(condition: Condition | undefined, present: Present | undefined): boolean {
  const version = present?.version;
  switch (condition?.is) {
    case undefined:
      return true;
    case 'if-absent':
      return present === undefined;
    case 'if-exists':
      return present !== undefined;
    case 'if-older':
      if (version === undefined) return true;
      if (isForeign(version)) return !condition.unlessForeign;
      return version < condition.version && !isNewer(present, condition.asOf);
    case 'unless-newer':
      return !isNewer(present, condition.asOf);
    case 'if-version':
      return version !== undefined && condition.versions.includes(version);
    case 'unless-version':
      return version === undefined || !condition.versions.includes(version);
  }
}

/** The condition of a write with `ifNewer`. @throws ServiceError `origin_invalid` without a time to compare */
export function unlessNewer(origin: Origin | undefined): Condition {
  if (origin?.asOf === undefined)
    throw originFault('ifNewer', 'ifNewer requires asOf, the time that the data is from');
  return { is: 'unless-newer', asOf: origin.asOf };
}

/** Returns whether the data of the value is from a later time. */
export function isNewer(present: Present | undefined, asOf: number | undefined): boolean {
  const presentAsOf = present?.origin?.asOf;
  return asOf !== undefined && presentAsOf !== undefined && presentAsOf > asOf;
}

/** Returns why a client's condition failed, as a sentence. `present` is the current version, if the key has one. */
export function whyRefused(condition: Condition | undefined, present: Version | undefined): string {
  if (condition?.is === 'unless-newer')
    return `the data of the stored value is from a later time; the entry has version ${present}`;
  if (present !== undefined) return `the entry has version ${present}`;
  if (condition?.is === 'if-absent') return 'the key exists in Redis, but is not a string';
  return 'the key has no value';
}
